#include "mcp/child.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/exec.hpp"
#include "base/pipe.hpp"

namespace prot::brain {
namespace {

constexpr int kStatusFd = 3;
constexpr int kToEndMs = 1'000;

/// What the guardian tells on the status pipe.
struct Report {
  int error = 0;   // errno of exec; 0: it ran
  int status = 0;  // as of waitpid
};

struct Prepared {
  const char* path;
  std::vector<char*> argv;
  std::vector<char*> environment;
  int files[4];  // to be 0, 1, 2 and kStatusFd
  pid_t parent;
};

// From here on to exec: a copy of one thread of ours. Nothing may allocate or lock.

[[noreturn]] void fail(int error) noexcept {
  const Report report{error, 0};
  (void)!::write(kStatusFd, &report, sizeof report);
  ::_exit(127);
}

/// A Landlock domain within brain's. It is there for one thing: nobody in it looks into what runs outside, as
/// brain and its copy, the guardian, which have keys in their memory, or another server. False: see errno.
bool set_apart() noexcept {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) return true;  // this kernel has none
  // A domain rules over something, and over moves between folders even unasked: both are allowed everywhere.
  // Landlock 1 (kernels 5.13 to 5.18) refuses to rename and link between folders, and knows no right to do
  // so. Every domain refuses mount and pivot_root, which bwrap and flatpak need.
  std::uint64_t rights = LANDLOCK_ACCESS_FS_MAKE_BLOCK;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  const landlock_ruleset_attr attributes{rights};
  const auto rules =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  const landlock_path_beneath_attr all{rights, ::open("/", O_PATH | O_CLOEXEC)};
  const bool done = rules >= 0 && all.parent_fd >= 0 &&
                    ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &all, 0) == 0 &&
                    ::syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  const int error = errno;
  ::close(all.parent_fd);
  ::close(rules);
  errno = error;
  return done;
}

[[noreturn]] void serve(const Prepared& prepared, pid_t guardian) noexcept {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != guardian) ::_exit(126);
  if (!set_apart()) fail(errno);
  const rlimit no_core{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  default_signals();
  ::execve(prepared.path, prepared.argv.data(), prepared.environment.data());
  fail(errno);
}

/// Kills whatever came of the server, also what has left its process group: the death of one makes what it
/// started ours, for we are the reaper of orphans. Until there is nobody left.
void end_descendants() noexcept {
  constexpr int kMostRounds = 1000;
  for (int round = 0; round < kMostRounds; ++round) {
    const int file = ::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    char text[1024];
    pid_t pid = 0;
    int killed = 0;
    for (ssize_t got = 0; (got = ::read(file, text, sizeof text)) > 0;) {
      for (ssize_t i = 0; i < got; ++i) {
        if (text[i] >= '0' && text[i] <= '9') {
          pid = 10 * pid + (text[i] - '0');
        } else if (pid > 0) {
          ::kill(std::exchange(pid, 0), SIGKILL);
          ++killed;
        }
      }
    }
    ::close(file);
    if (killed == 0) return;
    for (; killed > 0; --killed) ::waitpid(-1, nullptr, 0);
  }
}

[[noreturn]] void guard(const Prepared& prepared) noexcept {
  if (::setpgid(0, 0) != 0 || ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || ::getppid() != prepared.parent)
    ::_exit(126);
  // It has our memory, keys included, and nobody is to read it. exec makes the server's its own again.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) ::_exit(126);
  (void)::prctl(PR_SET_NAME, "prot-mcp", 0, 0, 0);
  default_signals();
  sigset_t awaited;
  sigfillset(&awaited);
  ::sigprocmask(SIG_SETMASK, &awaited, nullptr);
  int parked[4];
  for (int i = 0; i < 4; ++i) parked[i] = ::fcntl(prepared.files[i], F_DUPFD_CLOEXEC, 4);
  for (int i = 0; i < 3; ++i) ::dup2(parked[i], i);
  ::dup3(parked[3], kStatusFd, O_CLOEXEC);
  ::syscall(SYS_close_range, 4U, ~0U, 0U);
  const pid_t guardian = ::getpid();
  const pid_t server = ::_Fork();
  if (server == 0) serve(prepared, guardian);
  for (int i = 0; i < 3; ++i) ::close(i);  // that we see when the server closes them
  Report report;
  bool lives = server > 0;
  while (lives) {
    siginfo_t info{};
    const int signal = ::sigwaitinfo(&awaited, &info);
    if (signal == SIGTERM) break;
    if (signal != SIGCHLD) continue;
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != server) continue;  // an orphan
      report.status = status;
      (void)!::write(kStatusFd, &report, sizeof report);
      lives = false;
    }
  }
  end_descendants();
  ::kill(0, SIGKILL);
  ::_exit(0);
}

}  // namespace

std::string find_program(const McpCommand& command) {
  if (command.argv.empty()) throw Error("cannot be started: it has no command");
  const std::string& program = command.argv[0];
  if (program.find('/') != std::string::npos) return program;
  std::string_view path = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string& pair : command.environment)
    if (pair.starts_with("PATH=")) path = std::string_view(pair).substr(5);
  while (!path.empty()) {
    const std::size_t end = std::min(path.find(':'), path.size());
    std::string whole = std::string(path.substr(0, end)) + "/" + program;
    if (::access(whole.c_str(), X_OK) == 0) return whole;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  throw Error("cannot be started: " + program + " is not in PATH");
}

McpChild::McpChild(const McpCommand& command) {
  const std::string path = find_program(command);
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe err = make_pipe();
  Pipe status = make_pipe();
  for (const int fd : {in.write.get(), out.read.get(), err.read.get(), status.read.get()})
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) throw errno_error("cannot set up a pipe");
  const Prepared prepared{path.c_str(),
                          exec_list(command.argv),
                          exec_list(command.environment),
                          {in.read.get(), out.write.get(), err.write.get(), status.write.get()},
                          ::getpid()};
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  guardian_ = ::_Fork();
  if (guardian_ == 0) guard(prepared);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (guardian_ < 0) throw errno_error("cannot be started", error);
  (void)::setpgid(guardian_, guardian_);  // whoever is first
  input_ = std::move(in.write);
  output_ = std::move(out.read);
  errors_ = std::move(err.read);
  status_ = std::move(status.read);
}

McpChild::~McpChild() {
  ::kill(guardian_, SIGTERM);  // it ends what came of the server, and itself; one that is stuck is killed
  const UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, guardian_, 0)));
  pollfd ended{end.get(), POLLIN, 0};
  if (end) (void)::poll(&ended, 1, kToEndMs);
  ::kill(-guardian_, SIGKILL);
  ::kill(guardian_, SIGKILL);
  while (::waitpid(guardian_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::string McpChild::end_words() const {
  Report report;
  const ssize_t got = ::read(status_.get(), &report, sizeof report);
  if (got != static_cast<ssize_t>(sizeof report)) return "was killed";
  if (report.error != 0) return std::string("cannot be started: ") + std::strerror(report.error);
  if (WIFEXITED(report.status)) return "exited with code " + std::to_string(WEXITSTATUS(report.status));
  return "was killed by signal " + std::to_string(WTERMSIG(report.status));
}

}  // namespace prot::brain
