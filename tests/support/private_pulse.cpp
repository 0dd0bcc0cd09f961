#include "tests/support/private_pulse.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/error.hpp"
#include "base/unique_fd.hpp"

namespace prot::test {
namespace {

[[noreturn]] void become_server(const std::string& folder, const std::string& config) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int log = ::open((folder + "/log").c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  for (const char* name :
       {"HOME", "PULSE_RUNTIME_PATH", "PULSE_STATE_PATH", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"}) {
    ::setenv(name, folder.c_str(), 1);
  }
  ::unsetenv("PULSE_SERVER");
  ::execlp("pulseaudio", "pulseaudio", "-n", "-F", config.c_str(), "--exit-idle-time=-1", "--use-pid-file=no",
           "--daemonize=no", nullptr);
  ::_exit(127);
}

bool is_listening(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error("too long for a socket: " + path);
  path.copy(address.sun_path, path.size());
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

PrivatePulse::PrivatePulse() {
  const std::string config = (folder_.path() / "config.pa").string();
  std::ofstream(config) << "load-module module-null-sink sink_name=speaker rate=48000\n"
                           "load-module module-null-sink sink_name=micsrc rate=48000\n"
                           "load-module module-remap-source source_name=mic master=micsrc.monitor\n"
                           "set-default-sink speaker\n"
                           "set-default-source mic\n"
                           "load-module module-native-protocol-unix auth-anonymous=1 socket="
                        << socket() << "\n";
  pid_ = ::fork();
  if (pid_ < 0) throw errno_error("fork");
  if (pid_ == 0) become_server(folder_.path().string(), config);
  // The socket is the last thing that it makes; at first nobody listens there.
  for (int i = 0; i < 500; ++i) {
    if (is_listening(socket())) return;
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::stringstream log;
  log << std::ifstream(folder_.path() / "log").rdbuf();
  throw Error("PulseAudio does not come up: " + log.str());
}

PrivatePulse::~PrivatePulse() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
}

bool PrivatePulse::installed() {
  std::istringstream path(std::getenv("PATH") != nullptr ? std::getenv("PATH") : "");
  for (std::string folder; std::getline(path, folder, ':');) {
    if (::access((folder + "/pulseaudio").c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace prot::test
