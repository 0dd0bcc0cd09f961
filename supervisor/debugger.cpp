#include "debugger.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <sstream>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/exec.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"

extern char** environ;  // NOLINT

namespace prot::supervisor {
namespace {

constexpr int kPark = 200;  // descriptors are parked above this while the low numbers are filled
constexpr Nanos kLastMoment = kSecond;
constexpr std::string_view kTerminal = "TERM";  // the tool needs it, the stage does not get it

std::string find_tool(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  throw Error(fmt::format("{0} is not installed: apt-get install {0}", name));
}

[[noreturn]] void become_tool(std::vector<std::string> command, DebugTarget& target, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  for (const int number : {SIGINT, SIGQUIT, SIGTTOU}) (void)std::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  for (auto& [file, number] : target.files) file.reset(::fcntl(file.get(), F_DUPFD_CLOEXEC, kPark));
  for (const auto& [file, number] : target.files)
    if (::dup2(file.get(), number) < 0) ::_exit(126);
  char** environment = environ;
  std::vector<char*> own;
  if (!target.path.empty()) {
    if (const char* terminal = std::getenv(kTerminal.data()); terminal != nullptr)
      target.environment.push_back(fmt::format("{}={}", kTerminal, terminal));
    own = exec_list(target.environment);
    environment = own.data();
  }
  ::execve(command.front().c_str(), exec_list(command).data(), environment);
  fmt::print(stderr, "prot: cannot start {}: {}\n", command.front(), ::strerrordesc_np(errno));
  ::_exit(127);
}

UniqueFd watch_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGHUP}) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block signals");
  // SIGTTOU: the terminal is taken back from a group that is dead.
  for (const int number : {SIGINT, SIGQUIT, SIGTTOU})
    if (std::signal(number, SIG_IGN) == SIG_ERR) throw errno_error("cannot ignore a signal");
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) throw errno_error("cannot make a signalfd");
  return fd;
}

/// A debugger that is killed leaves the terminal as it used it, and to the process that it ran.
class TerminalGuard {
 public:
  TerminalGuard()
      : saved_(::tcgetattr(STDIN_FILENO, &settings_) == 0), foreground_(::tcgetpgrp(STDIN_FILENO)) {}
  ~TerminalGuard() {
    if (foreground_ == ::getpgrp()) ::tcsetpgrp(STDIN_FILENO, foreground_);
    if (saved_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &settings_);
  }
  TerminalGuard(const TerminalGuard&) = delete;
  TerminalGuard& operator=(const TerminalGuard&) = delete;

 private:
  termios settings_{};
  bool saved_;
  pid_t foreground_;
};

// Why the supervisor wants it back.
std::string reason(int lease) {
  std::string text;
  std::vector<UniqueFd> fds;
  try {
    if (stage::receive_message(lease, text, fds))
      return std::string(json::parse(text).get("released").as_string());
  } catch (const Error&) {
    return "the supervisor broke the connection";
  }
  return "the supervisor has ended";
}

/// Waits for the tool, the lease and the signals that end us.
class ToolWatch {
 public:
  ToolWatch(pid_t pid, std::string name, int lease, const UniqueFd& signals)
      : pid_(pid),
        name_(std::move(name)),
        ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
        fds_{{{ended_.get(), POLLIN, 0}, {lease, POLLIN, 0}, {signals.get(), POLLIN, 0}}} {}

  DebuggerEnd wait() {
    for (;;) {
      const Nanos left = kill_at_ == kNever ? -1 : std::max<Nanos>(0, kill_at_ - monotonic_now());
      const int ms = left < 0 ? -1 : static_cast<int>(left / kMillisecond) + 1;
      if (::poll(fds_.data(), fds_.size(), ms) < 0 && errno != EINTR) throw errno_error("poll");
      if (fds_[0].revents != 0) return collect();
      if (fds_[1].revents != 0) {
        end(reason(fds_[1].fd));
        fds_[1].fd = -1;
      }
      if (fds_[2].revents != 0) {
        end("asked to end");
        fds_[2].fd = -1;
      }
      if (kill_at_ <= monotonic_now()) ::kill(pid_, SIGKILL);
    }
  }

 private:
  void end(const std::string& why) {
    if (kill_at_ != kNever) return;
    fmt::print(stderr, "\nprot: {}: {} is ended\n", why, name_);
    ::kill(pid_, SIGTERM);
    ::kill(pid_, SIGCONT);
    kill_at_ = monotonic_now() + kLastMoment;
  }
  DebuggerEnd collect() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    const bool ended = kill_at_ != kNever;
    if (WIFEXITED(status) && !ended) return {WEXITSTATUS(status), false};
    if (WIFSIGNALED(status) && !ended)
      fmt::print(stderr, "prot: {} was killed by SIG{}\n", name_, ::sigabbrev_np(WTERMSIG(status)));
    return {1, fds_[1].fd < 0};
  }

  pid_t pid_;
  std::string name_;
  UniqueFd ended_;
  std::array<pollfd, 3> fds_;
  Nanos kill_at_ = kNever;
};

std::vector<std::string> gdb_command(const DebugRequest& request, const DebugTarget& target) {
  std::vector<std::string> command = {find_tool("gdb"), "-q"};
  if (!request.launch) {
    command.insert(command.end(), {"-p", std::to_string(target.pid)});
    command.insert(command.end(), request.arguments.begin(), request.arguments.end());
    return command;
  }
  // No shell in between, and the environment that the supervisor would have given.
  for (const std::string& line :
       {std::string("set startup-with-shell off"), fmt::format("unset environment {}", kTerminal),
        std::string("unset environment LINES"), std::string("unset environment COLUMNS")})
    command.insert(command.end(), {"-iex", line});
  command.insert(command.end(), request.arguments.begin(), request.arguments.end());
  command.insert(command.end(), {"--args", target.path});
  return command;
}

const char* name_of(DebugRequest::Tool tool) {
  switch (tool) {
    case DebugRequest::Tool::kGdb:
      return "gdb";
    case DebugRequest::Tool::kGdbServer:
      return "gdbserver";
    case DebugRequest::Tool::kValgrind:
      return "valgrind";
    case DebugRequest::Tool::kRr:
      return "rr";
  }
  return "gdb";
}

}  // namespace

void require_debugger(DebugRequest::Tool tool) { static_cast<void>(find_tool(name_of(tool))); }

std::vector<std::string> debugger_command(const DebugRequest& request, const DebugTarget& target) {
  using Tool = DebugRequest::Tool;
  if (request.tool == Tool::kGdb) {
    std::vector<std::string> command = gdb_command(request, target);
    if (request.launch && target.argv.size() > 1)
      command.insert(command.end(), target.argv.begin() + 1, target.argv.end());
    return command;
  }
  std::vector<std::string> command = {find_tool(name_of(request.tool))};
  if (request.tool == Tool::kRr) command.emplace_back("record");
  if (request.tool == Tool::kGdbServer) command.emplace_back("--no-startup-with-shell");
  command.insert(command.end(), request.arguments.begin(), request.arguments.end());
  const std::string address = fmt::format("127.0.0.1:{}", request.port);
  if (request.tool == Tool::kGdbServer && !request.launch) {
    command.insert(command.end(), {"--attach", address, std::to_string(target.pid)});
    return command;
  }
  if (request.tool == Tool::kGdbServer) command.push_back(address);
  command.push_back(target.path);
  if (target.argv.size() > 1) command.insert(command.end(), target.argv.begin() + 1, target.argv.end());
  return command;
}

DebuggerEnd run_debugger(const std::vector<std::string>& command, DebugTarget target, int lease) {
  const TerminalGuard terminal;
  const UniqueFd signals = watch_signals();
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw errno_error("cannot start " + command.front());
  if (pid == 0) become_tool(command, target, self);
  target.files.clear();  // the ready pipe ends when the new process does
  const std::string name = command.front().substr(command.front().rfind('/') + 1);
  return ToolWatch(pid, name, lease, signals).wait();
}

}  // namespace prot::supervisor
