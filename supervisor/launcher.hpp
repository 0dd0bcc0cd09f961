#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// One process to be started on the way to a running program.
struct Launch {
  SpawnRequest request;
  std::string what;     // "initdb", for messages
  bool helper = false;  // must end with 0; then the launcher is asked for the next one
};

/// A signal to the process group, and how long it is waited for the end of the process.
struct StopStep {
  int signal;
  Nanos wait;
};
/// From the mildest to SIGKILL, which is repeated.
using StopSteps = std::vector<StopStep>;

/// How a program says that it is ready.
enum class Probe { kNotYet, kReady };

/// What is special about a program: what to run and when it counts as ready. The supervisor asks it; it owns
/// no process. Methods throw Error: exit code 2 means that a retry cannot help. Single-threaded, never blocks
/// for long.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// The first (begin) or next process of this start. Helpers come first, the program itself last.
  virtual Launch next(bool begin, std::uint32_t generation) = 0;
  /// True: READY=1 on the ready descriptor; false: probe() is asked every probe_interval().
  [[nodiscard]] virtual bool says_ready() const { return true; }
  virtual Probe probe(Nanos now) {
    (void)now;
    return Probe::kNotYet;
  }
  [[nodiscard]] virtual Nanos probe_interval() const { return 20 * kMillisecond; }
  /// An exit with 2 or 78 before READY is a mistake in the configuration.
  [[nodiscard]] virtual bool exit_code_names_config() const { return true; }
  /// So many of its starts may fail before the start of the instance has.
  [[nodiscard]] virtual unsigned start_attempts() const { return 3; }
  [[nodiscard]] virtual Nanos start_deadline() const = 0;
  /// A stage that does not listen is aborted, so that a trace of it is left.
  [[nodiscard]] virtual StopSteps stop_steps() const {
    return {{SIGTERM, 3 * kSecond}, {SIGABRT, kAbortGrace}, {SIGKILL, kSecond}};
  }
  /// It has a heartbeat on the board, at most this old while it works; 0: it has none.
  [[nodiscard]] virtual Nanos watchdog() const { return 5 * kSecond; }
  [[nodiscard]] bool has_heartbeat() const { return watchdog() > 0; }

 protected:
  static constexpr Nanos kAbortGrace = 2 * kSecond;
};

}  // namespace prot::supervisor
