#pragma once

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// One process to be started on the way to a running program.
struct Launch {
  SpawnRequest request;
  std::string what;     // "initdb", for messages
  std::string input;    // written to its stdin, at most one pipe buffer
  bool helper = false;  // must end with 0; then the launcher is asked for the next one
};

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
  [[nodiscard]] virtual Nanos start_deadline() const = 0;
  [[nodiscard]] virtual int stop_signal() const { return 15; }
  [[nodiscard]] virtual Nanos stop_grace() const { return 3 * kSecond; }
  /// Its heartbeat is on the board.
  [[nodiscard]] virtual bool has_heartbeat() const { return true; }
};

}  // namespace prot::supervisor
