#include "embedders/local_server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>

#include "base/log.hpp"
#include "http/fetch.hpp"
#include "vectors/embedder.hpp"

namespace prot::memory {
namespace {

using Kind = ServiceError::Kind;

constexpr Nanos kAskEvery = 50 * kMillisecond;
constexpr int kNice = 10;  // speech comes first

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));  // exec's own wish
  out.push_back(nullptr);
  return out;
}

/// Its threads would spin for each other, and starve the audio.
std::vector<std::string> environment() {
  std::vector<std::string> out{"OMP_WAIT_POLICY=passive"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    // It needs no secret.
    for (const std::string_view wanted : {"PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR"})
      if (name == wanted) out.emplace_back(*entry);
  }
  return out;
}

/// False: it is to stop.
bool pause(const std::stop_token& stop, Nanos time) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, std::chrono::nanoseconds(time), [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

LocalServer::~LocalServer() { end(); }

std::vector<std::string> LocalServer::arguments() const {
  std::vector<std::string> arguments{settings_.program,
                                     "--embeddings",
                                     "--host",
                                     settings_.socket,
                                     "-m",
                                     settings_.model,
                                     "-t",
                                     std::to_string(settings_.threads),
                                     "--no-webui",
                                     "--offline"};
  if (!settings_.pooling.empty()) arguments.insert(arguments.end(), {"--pooling", settings_.pooling});
  return arguments;
}

void LocalServer::start() {
  std::error_code ignored;
  std::filesystem::remove(settings_.socket, ignored);  // llama-server never does
  const std::vector<std::string> texts = arguments();
  const std::vector<std::string> variables = environment();
  const std::vector<char*> argv = pointers(texts);
  const std::vector<char*> envp = pointers(variables);
  const pid_t parent = ::getpid();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const pid_t pid = ::fork();
  if (pid == 0) {  // only calls that are safe after a fork
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setpriority(PRIO_PROCESS, 0, kNice);
    ::umask(0077);  // its socket
    for (const int stream : {0, 1, 2}) ::dup2(null, stream);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  if (null >= 0) ::close(null);
  if (pid < 0) throw ServiceError(Kind::kUnavailable, "the local embedder cannot be started", kRestartWait);
  pid_ = pid;
  answers_ = false;
  ++starts_;
}

void LocalServer::end() noexcept {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);  // it holds nothing, and a TERM may hang it
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  std::error_code ignored;
  std::filesystem::remove(settings_.socket, ignored);
}

bool LocalServer::alive() {
  if (pid_ < 0) return false;
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

bool LocalServer::healthy() const {
  http::Request request;
  request.method = "GET";
  request.url = "http://localhost/health";
  request.unix_socket = settings_.socket;
  request.total_timeout_ms = 2'000;
  try {
    return http::fetch(request).status == 200;
  } catch (const http::RequestError&) {
    return false;
  }
}

int LocalServer::starts() {
  const std::lock_guard lock(mutex_);
  return starts_;
}

void LocalServer::need(const std::stop_token& stop, Nanos patience) {
  const std::unique_lock lock(mutex_, std::chrono::nanoseconds(patience));
  if (!lock) throw ServiceError(Kind::kUnavailable, "the local embedder is being started");
  const Nanos begin = monotonic_now();
  const bool had = pid_ >= 0;
  if (!alive()) {
    if (had) {
      log_warn("the local embedder ended by itself");
      not_before_ = begin + kRestartWait;
    }
    if (begin < not_before_)
      throw ServiceError(Kind::kUnavailable, "the local embedder ended by itself", not_before_ - begin);
    start();
  }
  while (!answers_) {
    answers_ = healthy();
    if (answers_) break;
    if (!alive()) {
      not_before_ = monotonic_now() + kRestartWait;
      throw ServiceError(Kind::kUnavailable,
                         "the local embedder does not start: is " + settings_.model +
                             " a model that makes vectors, and " + settings_.program + " llama-server?",
                         kRestartWait);
    }
    if (monotonic_now() - begin > kStartLimit) {
      end();
      throw ServiceError(Kind::kUnavailable, "the local embedder does not answer", kRestartWait);
    }
    if (!pause(stop, kAskEvery)) throw ServiceError(Kind::kCancelled, "cancelled");
  }
}

}  // namespace prot::memory
