#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

/// The one seam to the system calls that concern processes: tests put a fake in its place.
namespace prot::supervisor {

/// Everything about a process to be started.
struct SpawnRequest {
  std::string path;  // absolute
  std::vector<std::string> argv;
  std::vector<std::string> environment;    // "NAME=value"
  std::vector<std::pair<int, int>> files;  // our descriptor -> its number in the child; all others are closed
  std::string folder;                      // working directory; empty: ours
  int parent_death_signal = 9;
  int nice = 0;
  bool change_user = false;  // drop to user and group before anything else
  uid_t user = 0;
  gid_t group = 0;
};

struct Spawned {
  pid_t pid = -1;
  UniqueFd pidfd;       // readable when it has ended
  UniqueFd exec_error;  // holds one line when it could not be executed; read it after the end
};

/// How a process ended.
struct ExitStatus {
  int code = 0;  // exit code, or minus the signal
  [[nodiscard]] bool by_signal() const noexcept { return code < 0; }
};

struct ProcessUsage {
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_ms = 0;
};

/// Single-threaded: spawn() must be called on the thread that lives as long as the process, because the
/// parent-death signal follows the thread.
class ProcessSys {
 public:
  virtual ~ProcessSys() = default;

  /// Starts a process in its own group. Throws Error when the system refuses; that the file cannot be
  /// executed shows later, as an exit with exec_error.
  virtual Spawned spawn(const SpawnRequest& request) = 0;
  /// Signals the process' whole group. No error when it is gone.
  virtual void signal_group(pid_t pid, int signal) noexcept = 0;
  /// Signals one process that may not be ours (a joined stage).
  virtual void signal_process(pid_t pid, int signal) noexcept = 0;
  /// Collects the ended process. False: it has not ended, or a debugger still holds it.
  [[nodiscard]] virtual bool reap(pid_t pid, ExitStatus& status) noexcept = 0;
  /// A debugger is attached.
  [[nodiscard]] virtual bool is_traced(pid_t pid) const noexcept = 0;
  [[nodiscard]] virtual ProcessUsage usage(pid_t pid) const noexcept = 0;
  /// Start time in clock ticks since boot: with the pid it names a process for ever. 0: no such process.
  [[nodiscard]] virtual std::uint64_t start_time(pid_t pid) const noexcept = 0;
};

}  // namespace prot::supervisor
