#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

/// The one seam to the system calls that concern processes: tests put a fake in its place.
namespace prot::supervisor {

inline constexpr int kReadyFd = 3;  // in the child

/// Everything about a process to be started.
struct SpawnRequest {
  std::string path;  // absolute
  std::vector<std::string> argv;
  std::vector<std::string> environment;    // "NAME=value"
  std::vector<std::pair<int, int>> files;  // our descriptor -> its number in the child; all others are closed
  std::string input;                       // waits on its stdin, at most one pipe buffer
  bool says_ready = false;                 // it writes to kReadyFd
  std::string folder;                      // working directory; empty: ours
  int parent_death_signal = 9;
  int nice = 0;
  bool change_user = false;  // drop to user and group before anything else
  uid_t user = 0;
  gid_t group = 0;
  bool no_new_privs = false;
  std::vector<std::pair<int, rlimit>> limits;  // as far as the system lets us
};

struct Spawned {
  pid_t pid = -1;
  UniqueFd pidfd;   // readable when it has ended
  UniqueFd output;  // its stdout and stderr
  UniqueFd ready;   // only if it says_ready
};

/// How a process ended.
struct ExitStatus {
  int code = 0;        // exit code, or minus the signal
  bool asked = false;  // the supervisor sent it a signal before: says nothing about its work
  bool core = false;   // it left a core
  [[nodiscard]] bool by_signal() const noexcept { return code < 0; }
};

struct ProcessUsage {
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_ms = 0;
};

/// What the scheduler says of a process' main thread.
struct Scheduling {
  char state = 0;          // 'R' 'S' 'D' 'T' 't' 'Z'; 0: no such process
  Nanos on_cpu = 0;        // time it got
  Nanos waited = 0;        // time it was runnable and got none, without the wait under way
  bool is_traced = false;  // a debugger is attached
};

/// Single-threaded: spawn() must be called on the thread that lives as long as the process, because the
/// parent-death signal follows the thread.
class ProcessSys {
 public:
  virtual ~ProcessSys() = default;

  /// Starts a process in its own group. Throws Error when the system refuses or the file cannot be executed;
  /// exit code 2: it will not change its mind by itself.
  virtual Spawned spawn(const SpawnRequest& request) = 0;
  /// Reads what is there. As read(2): -1 nothing, 0 the other side has closed.
  [[nodiscard]] virtual ssize_t read(int fd, std::span<char> buffer) noexcept = 0;
  /// Signals the process' whole group. No error when it is gone.
  virtual void signal_group(pid_t pid, int signal) noexcept = 0;
  /// Signals one process that may not be ours (a joined stage).
  virtual void signal_process(pid_t pid, int signal) noexcept = 0;
  /// How it ended; it keeps its number until collect(). False: it has not, or a debugger still holds it.
  [[nodiscard]] virtual bool has_ended(pid_t pid, ExitStatus& status) noexcept = 0;
  /// Kills what is left of the ended process' group, then collects it: from now on the number, and that of
  /// the group, may be somebody else's, and is not to be signalled. REQUIRES: has_ended().
  virtual void collect(pid_t pid) noexcept = 0;
  /// Nothing is left of the group of a collected process `pid`; collects what is dead of it.
  [[nodiscard]] virtual bool group_is_empty(pid_t pid) noexcept = 0;
  /// Children of ours, but for the `known`, with this line in their environment: a process of its own session
  /// comes to us when its parent has died. Empty where the kernel does not tell.
  [[nodiscard]] virtual std::vector<pid_t> children_with(std::string_view variable,
                                                         std::span<const pid_t> known) const = 0;
  [[nodiscard]] virtual Scheduling scheduling(pid_t pid) const noexcept = 0;
  /// Lets `tracer` and its children trace a stage of ours (0: nobody), see core/stage/lifeline.hpp.
  virtual void allow_tracer(pid_t pid, pid_t tracer) noexcept = 0;
  [[nodiscard]] virtual ProcessUsage usage(pid_t pid) const noexcept = 0;
  /// Start time in clock ticks since boot: with the pid it names a process for ever. 0: no such process.
  [[nodiscard]] virtual std::uint64_t start_time(pid_t pid) const noexcept = 0;
  /// Its timer descriptors and POSIX timers; empty: it may not be looked at, or is gone.
  [[nodiscard]] virtual std::optional<std::uint32_t> timers(pid_t pid) const noexcept {
    (void)pid;
    return std::nullopt;
  }
};

}  // namespace prot::supervisor
