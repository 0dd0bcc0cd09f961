#include "report.hpp"

#include <algorithm>

namespace prot::web {

using observe::RingRow;
using observe::Snapshot;
using observe::StageRow;

namespace {
constexpr Nanos kSupervisorHangs = 10 * kSecond;  // as its systemd unit has it
}  // namespace

std::optional<std::uint64_t> reading(const Snapshot& run, std::string_view program, std::string_view label) {
  for (const StageRow& stage : run.stages) {
    if (stage.name != program) continue;
    for (const observe::CounterValue& counter : stage.counters)
      if (counter.label == label) return counter.value;
  }
  return std::nullopt;
}

// capture is started once brain is ready, and has a row from then on, whatever becomes of both. That brain
// was started again says nothing: it may never have come to that.
bool conversation_began(const Snapshot& run) {
  return std::any_of(run.stages.begin(), run.stages.end(), [](const StageRow& row) {
    return row.name == "capture" || (row.name == "brain" && row.state == "ready");
  });
}

SupervisorLife supervisor_life(const Snapshot& run) noexcept {
  if (!run.supervisor_alive) return SupervisorLife::kDead;
  return run.supervisor_heartbeat_age_ns > kSupervisorHangs ? SupervisorLife::kHangs : SupervisorLife::kGoes;
}

bool is_alive(const Report& report) {
  return !report.run || supervisor_life(*report.run) == SupervisorLife::kGoes;
}

std::vector<std::string> missing_programs(const Report& report) {
  std::vector<std::string> missing;
  if (!is_alive(report)) missing.emplace_back("supervisor");
  const std::vector<StageRow>& stages = report.run->stages;
  for (const StageRow& stage : stages)
    if (stage.state != "ready" && stage.name != "web") missing.push_back(stage.name);
  // A program that was never started has no row: capture, say, which waits for the others.
  for (const std::string& name : report.wanted)
    if (std::none_of(stages.begin(), stages.end(), [&](const StageRow& row) { return row.name == name; }))
      missing.push_back(name);
  return missing;
}

std::uint64_t background_tasks(const Snapshot& run) {
  return reading(run, "memory", "jobs_ready").value_or(0) + reading(run, "memory", "jobs_leased").value_or(0);
}

std::uint64_t pending_operations(const Snapshot& run) {
  std::uint64_t pending = background_tasks(run) + reading(run, "brain", "speech_waiting").value_or(0) +
                          reading(run, "brain", "turns_waiting").value_or(0);
  for (const RingRow& ring : run.rings) pending += ring.used_frames.value_or(0);
  return pending;
}

std::uint64_t queue_depth(const Snapshot& run, std::string_view program) {
  std::uint64_t depth = 0;
  for (const RingRow& ring : run.rings)
    if (ring.consumer.name == program) depth += ring.used_frames.value_or(0);
  return depth;
}

bool is_ready(const Report& report) {
  return report.run && report.started && missing_programs(report).empty();
}

}  // namespace prot::web
