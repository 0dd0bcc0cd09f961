#include "base/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include "base/error.hpp"
#include "base/pipe.hpp"
#include "base/unique_fd.hpp"

extern char** environ;

namespace prot {
namespace {
/// In its life a write to a pipe that nobody reads is an error, and no signal, whatever the caller has set.
class NoPipeSignal {
 public:
  NoPipeSignal() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    waited_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoPipeSignal() {
    const timespec at_once{};
    if (!waited_)
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool waited_;  // one for somebody else
};

// Feeds input and collects output together, so that neither pipe can fill up and block the other.
void exchange(Pipe& in, Pipe& out, const std::string& input, std::size_t max_output, Nanos until,
              std::string& output) {
  const NoPipeSignal no_signal;  // a program may end before it has read all
  std::size_t written = 0;
  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  if (input.empty()) in.write.reset();
  std::array<char, 65536> buffer{};
  while (out.read) {
    std::array<pollfd, 2> fds{pollfd{out.read.get(), POLLIN, 0}, pollfd{in.write.get(), POLLOUT, 0}};
    const Nanos left = until == kNever ? 0 : until - monotonic_now();
    if (left < 0) return;
    const int wait = until == kNever ? -1 : static_cast<int>(left / kMillisecond) + 1;
    if (::poll(fds.data(), in.write ? 2 : 1, wait) < 0) {
      if (errno != EINTR) throw errno_error("poll");
      continue;
    }
    if (in.write && fds[1].revents != 0) {
      const ssize_t n = ::write(in.write.get(), input.data() + written, input.size() - written);
      if (n > 0) written += static_cast<std::size_t>(n);
      if ((n < 0 && errno != EAGAIN && errno != EINTR) || written == input.size()) in.write.reset();
    }
    if (fds[0].revents != 0) {
      const ssize_t n = ::read(out.read.get(), buffer.data(), buffer.size());
      if (n > 0 && output.size() < max_output) output.append(buffer.data(), static_cast<std::size_t>(n));
      if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) out.read.reset();
    }
  }
}

// Waits for the end, at most until `until`; then it is killed with its group.
int collect(pid_t pid, Nanos until, bool& timed_out) {
  const UniqueFd end(until == kNever ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  while (end) {
    pollfd ended{end.get(), POLLIN, 0};
    const Nanos left = std::max<Nanos>(until - monotonic_now(), 0);
    const int n = ::poll(&ended, 1, static_cast<int>(left / kMillisecond) + (left > 0 ? 1 : 0));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) {
      timed_out = true;
      ::kill(-pid, SIGKILL);
    }
    break;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

std::vector<char*> environment_without(const std::vector<std::string>& names) {
  std::vector<char*> entries;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    if (std::find(names.begin(), names.end(), pair.substr(0, pair.find('='))) == names.end())
      entries.push_back(*entry);
  }
  entries.push_back(nullptr);
  return entries;
}
}  // namespace

SubprocessResult run_subprocess(const std::vector<std::string>& argv, const std::string& input,
                                const SubprocessLimits& limits) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (limits.within > 0) flags |= POSIX_SPAWN_SETPGROUP;
  posix_spawnattr_setflags(&attributes, flags);
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& a : argv)
    arguments.push_back(const_cast<char*>(a.c_str()));  // NOLINT: exec's signature
  arguments.push_back(nullptr);
  const std::vector<char*> environment = environment_without(limits.unset);
  const Nanos until = limits.within > 0 ? monotonic_now() + limits.within : kNever;
  pid_t pid = -1;
  const int error =
      ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw errno_error("cannot start " + argv[0], error);
  in.read.reset();
  out.write.reset();

  SubprocessResult result;
  exchange(in, out, input, limits.max_output, until, result.output);
  const int status = collect(pid, until, result.timed_out);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace prot
