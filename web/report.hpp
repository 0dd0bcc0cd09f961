#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "last_errors.hpp"
#include "observe/snapshot.hpp"
#include "process_handles.hpp"

namespace prot::web {

/// What of a program is not in the snapshot.
struct ProgramFacts {
  ProcessHandles handles;
  std::optional<Nanos> cpu_ns;
  std::vector<LoggedError> last_errors;  // newest first
};

/// Everything that the pages are made of, at one instant. Values only.
struct Report {
  std::optional<observe::Snapshot> run;  // empty: nothing could be read
  bool started = false;                  // brain has been ready in this run
  std::vector<std::string> wanted;       // stages that this run has, also those that are still to be started
  std::map<std::string, ProgramFacts, std::less<>> programs;
  std::size_t connections = 0;
  std::uint64_t refused = 0;
};

/// The number behind `label` on a program's page; empty: there is no such page or label.
[[nodiscard]] std::optional<std::uint64_t> reading(const observe::Snapshot& run, std::string_view program,
                                                   std::string_view label);
/// Brain is, or was, ready in this run.
[[nodiscard]] bool conversation_began(const observe::Snapshot& run);
enum class SupervisorLife { kGoes, kHangs, kDead };
[[nodiscard]] SupervisorLife supervisor_life(const observe::Snapshot& run) noexcept;
/// Programs that are not ready, or were not started yet, "supervisor" when it is dead or hangs; empty: all
/// are ready. `web` itself, which answers, counts as ready. REQUIRES: a run.
[[nodiscard]] std::vector<std::string> missing_programs(const Report& report);
/// Work that somebody accepted and has not finished: jobs of memory.
[[nodiscard]] std::uint64_t background_tasks(const observe::Snapshot& run);
/// Operations under way or waiting, of all stages: frames in rings and before them, and background tasks.
[[nodiscard]] std::uint64_t pending_operations(const observe::Snapshot& run);
/// Frames that wait in front of a program.
[[nodiscard]] std::uint64_t queue_depth(const observe::Snapshot& run, std::string_view program);

// The pages, as JSON. health, state and diagnostics have the original's keys and types at the top level.
[[nodiscard]] std::string health_page(const Report& report);
/// Does nobody know that the supervisor is dead or hangs? The page's status is for who looks at it alone.
[[nodiscard]] bool is_alive(const Report& report);
[[nodiscard]] std::string ready_page(const Report& report);
[[nodiscard]] bool is_ready(const Report& report);
[[nodiscard]] std::string state_page(const Report& report);
[[nodiscard]] std::string diagnostics_page(const Report& report);
/// Prometheus' text format 0.0.4.
[[nodiscard]] std::string metrics_page(const Report& report);

}  // namespace prot::web
