#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crash_watch.hpp"
#include "log_store.hpp"
#include "poison.hpp"
#include "program.hpp"
#include "programs.hpp"
#include "run_segments.hpp"
#include "stage/event_loop.hpp"

namespace prot::supervisor {

enum class Phase { kStarting, kRunning, kDraining, kStopping, kEnded };

/// What a running instance consists of. Owned by Supervisor, which alone changes the phase; the control desk
/// and the watchdog look at it. Single-threaded. Order of members is order of life: programs go first.
struct Instance {
  Instance(ProcessSys& process_sys, const Clock& steady_clock)
      : sys(process_sys), clock(steady_clock), begun_at(steady_clock.now()) {}

  [[nodiscard]] Program* find(std::string_view name) const noexcept;
  [[nodiscard]] bool all_ready() const noexcept;
  /// "starting", "ready", "degraded" or "draining".
  [[nodiscard]] const char* state_name() const noexcept;
  /// The programs that are not ready, each with its state: "stt (backoff), llm (starting)"; `only`: this one.
  [[nodiscard]] std::string missing(std::string_view only = {}) const;

  ProcessSys& sys;
  const Clock& clock;
  stage::EventLoop loop;
  RunContext run;
  std::optional<RunSegments> segments;
  std::optional<PoisonWatch> poison;
  std::optional<LogStore> logs;
  std::optional<CrashWatch> crashes;
  std::vector<std::unique_ptr<Program>> programs;  // in start order
  Phase phase = Phase::kStarting;
  unsigned reloads = 0;        // times that a new configuration was taken
  std::string reload_failure;  // why the last one was taken back; "": it was not
  Nanos begun_at;
};

}  // namespace prot::supervisor
