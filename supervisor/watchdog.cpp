#include "watchdog.hpp"

#include <algorithm>

namespace prot::supervisor {

void Watchdog::on_time(Nanos now) {
  if (now - last_scan_ < kScanEvery) return;
  const bool overslept = now - last_scan_ > kOverslept;
  last_scan_ = now;
  RunSegments& segments = *instance_->segments;
  segments.board().supervisor().heartbeat_ns.store(static_cast<std::uint64_t>(now));
  if (overslept) return;
  for (const auto& program : instance_->programs) {
    const int index = segments.board().find(program->name());
    if (program->state() != State::kReady || !program->launcher().has_heartbeat() || index < 0) continue;
    const ipc::StagePage& page = segments.board().stage(static_cast<std::size_t>(index));
    const auto beat = static_cast<Nanos>(page.heartbeat_ns.load());
    const Nanos age = now - std::max(beat, program->ready_at());
    const bool awake = page.asleep.load() == 0;
    const bool hung = awake ? age > kHungAwake : age > kHungAsleep && segments.input_pending(program->name());
    if (hung && !instance_->sys.scheduling(program->pid()).is_traced) program->hung();
  }
}

}  // namespace prot::supervisor
