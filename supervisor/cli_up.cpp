// prot up: in the foreground, or detached.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/crash_handler.hpp"
#include "base/error.hpp"
#include "base/journal.hpp"
#include "base/log.hpp"
#include "base/pipe.hpp"
#include "cli.hpp"
#include "cli_print.hpp"
#include "conversation_view.hpp"
#include "posix_process_sys.hpp"
#include "stage/control.hpp"
#include "supervisor.hpp"
#include "terminal.hpp"

namespace prot::supervisor {
namespace {

constexpr int kNotRunning = 3;  // nobody answers: it is on its way up, or its last words are on theirs
constexpr Nanos kToAnswer = 5 * kSecond;
constexpr std::string_view kReadyWord = "\x01READY\n";  // no line of text begins like this

UpOptions options_of(const CliRequest& request) {
  return {request.instance, config_request(request), false, request.stages};
}

int run_foreground(const CliRequest& request) {
  PosixProcessSys sys;
  const SteadyClock clock;
  std::unique_ptr<ConversationView> view;
  UpObserver observer;
  observer.say = [](const std::string& line) {
    const LogLevel level = line.starts_with("cannot start") ? LogLevel::kError : LogLevel::kInfo;
    print_to(stderr, fmt::format("{}prot: {}\n", journal_prefix(level), line));
  };
  observer.on_program_ready = [&](const std::string& program) {
    if (program == "brain" && view != nullptr) view->connect();
  };
  if (!stderr_is_journal())
    observer.on_ready = [] { print_to(stderr, "prot: say something; Ctrl-C stops\n"); };
  Supervisor supervisor(options_of(request), sys, clock, std::move(observer));
  if (!stderr_is_journal())  // what is said is not for the journal
    view = std::make_unique<ConversationView>((supervisor.paths().runtime / "chat.sock").string(),
                                              supervisor.loop());
  const int code = supervisor.run();
  view.reset();  // before the loop
  return code;
}

// ---- detached: the supervisor's side

void report(int fd, std::string_view text) {
  if (fd >= 0 && ::write(fd, text.data(), text.size()) < 0 && errno != EPIPE)
    log_warn("cannot report to the terminal: {}", std::strerror(errno));
}

void leave_terminal(const InstancePaths& paths) {
  // Lines go to the log; what comes here is a library's last words.
  const std::string log = (paths.state / "log" / "supervisor.err").string();
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd file(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  ::dup2(null.get(), STDIN_FILENO);
  ::dup2(null.get(), STDOUT_FILENO);
  ::dup2(file ? file.get() : null.get(), STDERR_FILENO);
}

int run_detached(const CliRequest& request) {
  UniqueFd terminal(request.report_fd);
  ::fcntl(terminal.get(), F_SETFD, FD_CLOEXEC);
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR) throw errno_error("cannot ignore SIGPIPE");
  try {
    PosixProcessSys sys;
    const SteadyClock clock;
    UpObserver observer;
    observer.say = [&](const std::string& line) { report(terminal.get(), line + "\n"); };
    observer.on_ready = [&] {
      report(terminal.get(), kReadyWord);
      terminal.reset();
    };
    UpOptions options = options_of(request);
    options.detached = true;
    Supervisor supervisor(std::move(options), sys, clock, std::move(observer));
    leave_terminal(supervisor.paths());
    if (::chdir("/") != 0) log_warn("cannot leave the working folder: {}", std::strerror(errno));
    return supervisor.run();
  } catch (const Error& e) {
    report(terminal.get(), full_message(e) + "\n");
    return e.exit_code();
  } catch (const std::exception& e) {
    report(terminal.get(), full_message(e) + "\n");
    return 1;
  }
}

// ---- detached: the terminal's side

// A second copy of this program, without this one's threads, locks and terminal.
pid_t launch(char** argv, int report_fd) {
  std::string option = "--report-fd=" + std::to_string(report_fd);
  std::vector<char*> arguments;
  for (char** argument = argv; *argument != nullptr; ++argument) arguments.push_back(*argument);
  arguments.push_back(option.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw errno_error("cannot start the supervisor");
  if (pid > 0) return pid;
  ::setsid();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv("/proc/self/exe", arguments.data());
  ::_exit(127);
}

/// Shows the lines that come until the word comes, the other side ends, or time is up.
class StartWatch {
 public:
  StartWatch(int fd, pid_t child) : fd_(fd), child_(child) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) throw errno_error("cannot block signals");
    signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  enum class End { kReady, kEnded, kTimeout };
  End wait(Nanos limit) {
    const Nanos until = monotonic_now() + limit;
    for (;;) {
      std::array<pollfd, 2> fds{{{fd_, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
      const Nanos left = until - monotonic_now();
      if (left <= 0) return End::kTimeout;
      if (::poll(fds.data(), fds.size(), static_cast<int>(left / kMillisecond) + 1) < 0 && errno != EINTR)
        throw errno_error("poll");
      if (fds[1].revents != 0) pass_signal();
      if (fds[0].revents == 0) continue;
      std::array<char, 4096> buffer;
      const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
      if (n <= 0) return End::kEnded;
      text_.append(buffer.data(), static_cast<std::size_t>(n));
      if (show()) return End::kReady;
    }
  }

 private:
  bool show() {
    for (std::size_t end = text_.find('\n'); end != std::string::npos; end = text_.find('\n')) {
      const std::string line = text_.substr(0, end + 1);
      text_.erase(0, end + 1);
      if (line == kReadyWord) return true;
      print_shown(stderr, "prot: {}", line);
    }
    return false;
  }
  void pass_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      ::kill(child_, SIGTERM);
  }
  int fd_;
  pid_t child_;
  UniqueFd signals_;
  std::string text_;
};

/// Names what is not ready, why, and its last line. Throws Error, always.
[[noreturn]] void give_up_waiting(const CliRequest& request) {
  stage::ControlClient client(instance_paths(request.instance));
  const json::Document answer = checked_reply(client.call(R"({"cmd":"missing"})"));
  const json::View missing = answer.get("missing");
  for (std::size_t i = 0; i < missing.size(); ++i) {
    const json::View one = missing.at(i);
    const std::string_view line = one.get("last_line").as_string();
    print_shown(stderr, "prot: {} is not ready: it {}{}{}\n", one.get("stage").as_string(),
                one.get("why").as_string(), line.empty() ? "" : "; its last line: ", shown_line(line));
  }
  throw Error(
      fmt::format("not everything is ready after {} s; it goes on in the background (see: prot status, "
                  "prot logs)",
                  request.up_timeout_s),
      5);
}

int detach(const CliRequest& request, char** argv) {
  Pipe report = make_pipe();
  UniqueFd write_end(::dup(report.write.get()));  // survives the exec
  report.write.reset();
  const pid_t child = launch(argv, write_end.get());
  write_end.reset();
  const auto limit = static_cast<Nanos>(request.up_timeout_s * static_cast<double>(kSecond));
  StartWatch watch(report.read.get(), child);
  StartWatch::End end = watch.wait(limit);
  for (const Nanos until = monotonic_now() + kToAnswer; end == StartWatch::End::kTimeout;) {
    try {
      give_up_waiting(request);
    } catch (const Error& error) {
      if (error.exit_code() != kNotRunning || monotonic_now() > until) throw;
    }
    end = watch.wait(50 * kMillisecond);
  }
  if (end == StartWatch::End::kReady) return 0;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
  return code == 0 ? 1 : code;
}

}  // namespace

int command_up(const CliRequest& request, char** argv) {
  install_crash_handler();
  if (request.report_fd >= 0) return run_detached(request);
  if (request.detach) return detach(request, argv);
  return run_foreground(request);
}

}  // namespace prot::supervisor
