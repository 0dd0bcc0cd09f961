#include "stage/queue_pressure.hpp"

#include "base/log.hpp"

namespace prot::stage {
namespace {
constexpr Nanos kLookEvery = 100 * kMillisecond;
constexpr Nanos kSayEvery = 10 * kSecond;
}  // namespace

QueuePressure::QueuePressure(StageContext& context) : context_(&context) {
  for (const ipc::Output& output : context.outputs()) rings_.push_back({&output});
}

void QueuePressure::look_now(Nanos now) {
  next_look_ = now + kLookEvery;
  for (Ring& ring : rings_) {
    const std::uint64_t used = ring.output->used();
    const std::uint64_t capacity = ring.output->capacity();
    if (used < capacity / 2) ring.pressed = false;
    if (ring.pressed || used < capacity / 4 * 3) continue;
    ring.pressed = true;
    ipc::Word& count = context_->counter("pressure_" + ring.output->name());
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (now < ring.quiet_until) continue;
    ring.quiet_until = now + kSayEvery;
    log_warn("ring {} is {} % full ({} of {} KiB)", ring.output->name(), used * 100 / capacity, used / 1024,
             capacity / 1024);
  }
}

}  // namespace prot::stage
