#include "posix_process_sys.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/error.hpp"

namespace prot::supervisor {
namespace {

constexpr int kPark = 200;  // descriptors are parked above this while the low numbers are filled

/// What the child needs, laid out before the fork: between fork and exec nothing may allocate.
struct Prepared {
  const char* path;
  const char* folder;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::vector<std::pair<int, int>> files;
  const SpawnRequest* request;
  pid_t parent;
  int error_fd;
};

// Async-signal-safe: tells the parent why, through the pipe that exec would have closed, and ends.
[[noreturn]] void child_fail(int fd, const char* step) noexcept {
  const int error = errno;
  char text[256];
  std::size_t used = 0;
  const auto append = [&](const char* s) {
    while (*s != '\0' && used < sizeof(text)) text[used++] = *s++;
  };
  append(step);
  append(": ");
  append(::strerrordesc_np(error) != nullptr ? ::strerrordesc_np(error) : "unknown error");
  if (::write(fd, text, used) < 0) ::_exit(126);
  ::_exit(127);
}

void child_files(Prepared& p) noexcept {
  int last = 2;
  for (auto& [from, to] : p.files) {
    from = ::fcntl(from, F_DUPFD_CLOEXEC, kPark);
    if (from < 0) child_fail(p.error_fd, "descriptor");
    last = std::max(last, to);
  }
  const int error_fd = ::fcntl(p.error_fd, F_DUPFD_CLOEXEC, kPark);
  for (const auto& [from, to] : p.files)
    if (::dup2(from, to) < 0) child_fail(error_fd, "descriptor");
  // The error pipe sits right above the wanted ones; everything else goes.
  if (::dup3(error_fd, last + 1, O_CLOEXEC) < 0) child_fail(error_fd, "descriptor");
  p.error_fd = last + 1;
  ::syscall(SYS_close_range, static_cast<unsigned>(last) + 2U, ~0U, 0U);
}

[[noreturn]] void child_main(Prepared& p) noexcept {
  sigset_t none;
  sigemptyset(&none);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1})
    (void)::signal(number, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::setpgid(0, 0) != 0) child_fail(p.error_fd, "process group");
  child_files(p);
  const SpawnRequest& request = *p.request;
  if (request.nice != 0) (void)::setpriority(PRIO_PROCESS, 0, request.nice);
  if (request.change_user) {
    const gid_t group = request.group;
    if (::setgroups(1, &group) != 0 || ::setgid(group) != 0 || ::setuid(request.user) != 0)
      child_fail(p.error_fd, "cannot change the user");
  }
  // After the user: a change of user clears it. Then the check: the parent may be dead already.
  if (::prctl(PR_SET_PDEATHSIG, request.parent_death_signal) != 0) child_fail(p.error_fd, "death signal");
  if (::getppid() != p.parent) ::_exit(126);
  if (p.folder[0] != '\0' && ::chdir(p.folder) != 0) child_fail(p.error_fd, "working folder");
  ::execve(p.path, p.argv.data(), p.environment.data());
  child_fail(p.error_fd, p.path);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    list.push_back(const_cast<char*>(text.c_str()));  // NOLINT: exec's signature
  list.push_back(nullptr);
  return list;
}

}  // namespace

Spawned PosixProcessSys::spawn(const SpawnRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw errno_error("cannot make a pipe");
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  Prepared prepared{request.path.c_str(),
                    request.folder.c_str(),
                    pointers(request.argv),
                    pointers(request.environment),
                    request.files,
                    &request,
                    ::getpid(),
                    write_end.get()};
  const pid_t pid = ::fork();
  if (pid < 0) throw errno_error("cannot start a process for " + request.path);
  if (pid == 0) child_main(prepared);
  (void)::setpgid(pid, pid);  // both sides: whoever comes first
  Spawned spawned;
  spawned.pid = pid;
  spawned.pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!spawned.pidfd) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw errno_error("cannot watch the process of " + request.path, error);
  }
  ::fcntl(spawned.pidfd.get(), F_SETFD, FD_CLOEXEC);
  spawned.exec_error = std::move(read_end);
  return spawned;
}

void PosixProcessSys::signal_group(pid_t pid, int signal) noexcept {
  if (pid > 1) ::kill(-pid, signal);
}

void PosixProcessSys::signal_process(pid_t pid, int signal) noexcept {
  if (pid > 1) ::kill(pid, signal);
}

bool PosixProcessSys::reap(pid_t pid, ExitStatus& status) noexcept {
  siginfo_t info{};
  int result = -1;
  do result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) return false;
  status.code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  return true;
}

bool PosixProcessSys::is_traced(pid_t pid) const noexcept {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("TracerPid:")) return std::atol(line.c_str() + 10) != 0;
  return false;
}

namespace {
// Fields of /proc/PID/stat from the third on: the second, a name, may hold anything.
std::vector<std::string> stat_fields(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end = line.rfind(')');
  std::vector<std::string> fields;
  if (end == std::string::npos) return fields;
  std::istringstream rest(line.substr(end + 1));
  for (std::string field; rest >> field;) fields.push_back(field);
  return fields;
}
std::uint64_t number_at(const std::vector<std::string>& fields, std::size_t index) {
  return index < fields.size() ? std::strtoull(fields[index].c_str(), nullptr, 10) : 0;
}
}  // namespace

ProcessUsage PosixProcessSys::usage(pid_t pid) const noexcept {
  const auto fields = stat_fields(pid);
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {number_at(fields, 21) * page, (number_at(fields, 11) + number_at(fields, 12)) * 1000 / ticks};
}

std::uint64_t PosixProcessSys::start_time(pid_t pid) const noexcept {
  const auto fields = stat_fields(pid);
  if (!fields.empty() && (fields[0] == "Z" || fields[0] == "X")) return 0;
  return number_at(fields, 19);
}

void become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw errno_error("cannot become the reaper of orphans");
}

void reap_orphans(const std::function<bool(pid_t)>& is_known) noexcept {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    if (is_known(info.si_pid)) return;  // its owner collects it; the next SIGCHLD or exit looks again
    ::waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace prot::supervisor
