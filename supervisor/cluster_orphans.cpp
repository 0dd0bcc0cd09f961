#include "cluster_orphans.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr Nanos kLastBreath = kSecond;  // one that writes to the disk may need it

// A server of PostgreSQL works in its cluster's folder.
bool works_in(pid_t pid, const fs::path& folder) {
  const fs::path process = "/proc/" + std::to_string(pid);
  std::error_code error;
  if (fs::read_symlink(process / "cwd", error) != folder) return false;
  const std::string program = fs::read_symlink(process / "exe", error).filename().string();
  return program == "postgres" || program == "postgres (deleted)";
}

/// '\0': there is none.
char state_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t end = line.rfind(')');
  return end == std::string::npos || end + 2 >= line.size() ? '\0' : line[end + 2];
}

bool is_uncollected(pid_t pid) {
  const char state = state_of(pid);
  return state == 'Z' || state == 'X';
}

bool is_dead(pid_t pid) { return state_of(pid) == '\0' || is_uncollected(pid); }

pid_t pid_in(const fs::path& lock) {
  long pid = 0;
  std::ifstream(lock) >> pid;
  return static_cast<pid_t>(pid);
}

}  // namespace

std::vector<pid_t> cluster_orphans(const fs::path& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  if (error) return {};
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const auto pid = static_cast<pid_t>(std::atol(entry.path().filename().c_str()));
    if (pid > 1 && works_in(pid, real) && !is_dead(pid)) found.push_back(pid);
  }
  if (std::find(found.begin(), found.end(), pid_in(real / "postmaster.pid")) != found.end()) return {};
  return found;
}

void drop_locks_of_the_dead(const fs::path& folder, const fs::path& sockets) {
  if (!cluster_orphans(folder).empty()) return;
  std::error_code error;
  for (const fs::path& lock : {folder / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"})
    if (const pid_t pid = pid_in(lock); pid > 1 && is_uncollected(pid)) fs::remove(lock, error);
}

std::size_t end_cluster_orphans(const fs::path& folder) {
  const std::vector<pid_t> orphans = cluster_orphans(folder);
  std::vector<pollfd> waits;
  std::vector<UniqueFd> handles;
  for (const pid_t pid : orphans) {
    UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!handle || is_dead(pid)) continue;
    ::syscall(SYS_pidfd_send_signal, handle.get(), SIGKILL, nullptr, 0);
    waits.push_back({handle.get(), POLLIN, 0});
    handles.push_back(std::move(handle));
  }
  const Nanos until = monotonic_now() + kLastBreath;
  for (pollfd& wait : waits) {
    const Nanos left = std::max<Nanos>(0, until - monotonic_now());
    ::poll(&wait, 1, static_cast<int>(left / kMillisecond));
  }
  return orphans.size();
}

}  // namespace prot::supervisor
