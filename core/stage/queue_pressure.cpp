#include "stage/queue_pressure.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace prot::stage {
namespace {
constexpr Nanos kLookEvery = 100 * kMillisecond;
constexpr Nanos kSayEvery = 10 * kSecond;
}  // namespace

QueuePressure::QueuePressure(StageContext& context) {
  for (ipc::Output& output : context.outputs()) {
    const wire::RingInfo* info = wire::find_ring(output.name());
    if (info == nullptr || info->holds == 0) continue;
    rings_.push_back({&output, info->producer, info->consumer, pressure_levels(*info, output.capacity())});
    output.ring().set_level(rings_.back().levels.tell);
  }
}

void QueuePressure::look_now(Nanos now) {
  next_look_ = now + kLookEvery;
  for (Ring& ring : rings_) {
    const std::uint64_t peak = ring.output->ring().take_peak();
    if (!ring.pressed && peak >= ring.levels.tell) tell(ring, peak, now);
    // After the line: what came and went between two looks was pressure all the same.
    ring.pressed = ring.pressed && ring.output->used() >= ring.levels.forget;
  }
}

void QueuePressure::tell(Ring& ring, std::uint64_t used, Nanos now) {
  ring.pressed = true;
  ipc::Word& count = ring.output->ring().memory().producer->pressure_events;
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (now < ring.quiet_until) return;
  ring.quiet_until = now + kSayEvery;
  const Nanos oldest = ring.output->ring().oldest_published();
  log_with(LogLevel::kWarn,
           {{"ring", ring.output->name()},
            {"used", used},
            {"capacity", ring.output->capacity()},
            {"producer", ring.producer},
            {"consumer", ring.consumer},
            {"oldest_ms", oldest > 0 ? std::max<Nanos>(now - oldest, 0) / kMillisecond : 0},
            {"times", count.load(std::memory_order_relaxed)}},
           "Queue pressure");
}

}  // namespace prot::stage
