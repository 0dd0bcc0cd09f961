#include "posix_process_sys.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.hpp"
#include "stage/lifeline.hpp"

namespace prot::supervisor {

ssize_t PosixProcessSys::read(int fd, std::span<char> buffer) noexcept {
  ssize_t n = -1;
  do n = ::read(fd, buffer.data(), buffer.size());
  while (n < 0 && errno == EINTR);
  return n;
}

void PosixProcessSys::signal_group(pid_t pid, int signal) noexcept {
  if (pid > 1) ::kill(-pid, signal);
}

void PosixProcessSys::signal_process(pid_t pid, int signal) noexcept {
  if (pid > 1) ::kill(pid, signal);
}

bool PosixProcessSys::has_ended(pid_t pid, ExitStatus& status) noexcept {
  siginfo_t info{};
  int result = -1;
  do result = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  while (result != 0 && errno == EINTR);
  if (result != 0 || info.si_pid == 0) return false;
  status.code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  status.core = info.si_code == CLD_DUMPED;
  return true;
}

void PosixProcessSys::collect(pid_t pid) noexcept {
  signal_group(pid, SIGKILL);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) != 0 && errno == EINTR) continue;
}

bool PosixProcessSys::group_is_empty(pid_t pid) noexcept {
  if (pid <= 1) return true;
  // A number is given anew only when nobody is in its group: that group is another's, and may be our child's.
  if (::kill(pid, 0) == 0 || errno != ESRCH) return true;
  // The dead of it whose parents died are our children now; they count until somebody collects them.
  siginfo_t info{};
  while (::waitid(P_PGID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0)
    info.si_pid = 0;
  return ::kill(-pid, 0) != 0 && errno == ESRCH;
}

std::vector<pid_t> PosixProcessSys::children_with(std::string_view variable,
                                                  std::span<const pid_t> known) const {
  const std::string own = std::to_string(::getpid());
  std::ifstream list("/proc/self/task/" + own + "/children");
  std::vector<pid_t> found;
  for (pid_t pid = 0; list >> pid;)
    if (std::find(known.begin(), known.end(), pid) == known.end() && has_in_environment(pid, variable))
      found.push_back(pid);
  return found;
}

void PosixProcessSys::allow_tracer(pid_t pid, pid_t tracer) noexcept {
  sigval value{};
  value.sival_int = tracer;
  if (pid > 1) (void)::sigqueue(pid, stage::kTracerSignal, value);
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

Scheduling PosixProcessSys::scheduling(pid_t pid) const noexcept {
  const std::string folder = "/proc/" + std::to_string(pid);
  Scheduling result;
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) result.state = line.size() > 7 ? line[7] : '\0';
    if (line.starts_with("TracerPid:")) {
      result.is_traced = std::atol(line.c_str() + 10) != 0;
      break;
    }
  }
  std::ifstream(folder + "/schedstat") >> result.on_cpu >> result.waited;  // of the main thread
  return result;
}

ProcessUsage PosixProcessSys::usage(pid_t pid) const noexcept {
  const auto fields = stat_fields(pid);
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return {number_at(fields, 21) * page, (number_at(fields, 11) + number_at(fields, 12)) * 1000 / ticks};
}

std::optional<std::uint32_t> PosixProcessSys::timers(pid_t pid) const noexcept {
  const std::string folder = "/proc/" + std::to_string(pid) + "/";
  std::error_code error;
  std::filesystem::directory_iterator entry(folder + "fd", error);
  if (error) return std::nullopt;
  std::uint32_t count = 0;
  for (; entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const auto what = std::filesystem::read_symlink(entry->path(), error);
    if (error == std::errc::permission_denied) return std::nullopt;
    if (!error && what == "anon_inode:[timerfd]") ++count;
  }
  std::ifstream posix(folder + "timers");
  for (std::string line; std::getline(posix, line);)
    if (line.starts_with("ID:")) ++count;
  return count;
}

std::uint64_t PosixProcessSys::start_time(pid_t pid) const noexcept {
  const auto fields = stat_fields(pid);
  if (!fields.empty() && (fields[0] == "Z" || fields[0] == "X")) return 0;
  return number_at(fields, 19);
}

bool has_in_environment(pid_t pid, std::string_view variable) {
  std::ifstream environment("/proc/" + std::to_string(pid) + "/environ");
  for (std::string line; std::getline(environment, line, '\0');)
    if (line == variable) return true;
  return false;
}

void keep_rings_out_of_cores() noexcept {
  // Private pages, ELF headers, private huge pages. A ring that is unlinked counts as anonymous and shared.
  std::ofstream("/proc/self/coredump_filter") << "0x31";
}

void become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) throw errno_error("cannot become the reaper of orphans");
}

std::vector<pid_t> own_children() {
  std::vector<pid_t> found;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream list(task.path() / "children");
    for (pid_t pid = 0; list >> pid;) found.push_back(pid);
  }
  return found;
}

std::size_t end_adopted(const std::vector<pid_t>& before) {
  constexpr int kRounds = 100;
  std::set<pid_t> ended;
  for (int round = 0; round < kRounds; ++round) {
    bool left = false;
    for (const pid_t pid : own_children()) {
      if (std::find(before.begin(), before.end(), pid) != before.end()) continue;
      left = true;
      ::kill(pid, SIGKILL);  // our child: its number is its own until we collect it
      ended.insert(pid);
      ::waitpid(pid, nullptr, WNOHANG);
    }
    if (!left) break;
    ::usleep(round == 0 ? 1000 : 10'000);
  }
  return ended.size();
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
