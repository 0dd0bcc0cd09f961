#pragma once

#include "base/clock.hpp"
#include "ipc/board.hpp"

/// Whether a stage sleeps, and since when it has done nothing. Invariant: who reads that it is awake reads
/// the time at which it woke, or a later one. With an older one a stage that has slept well would look like
/// one that hangs, to whoever looks between the two words.
namespace prot::ipc {

struct StagePulse {
  Nanos heartbeat = 0;  // CLOCK_MONOTONIC of its newest duty cycle, or of its waking up
  bool asleep = false;  // it waits for its bell
};

/// By the stage. RT safe.
inline void fall_asleep(StagePage& page) noexcept { page.asleep.store(1, std::memory_order_relaxed); }

/// By the stage. RT safe.
inline void wake_up(StagePage& page, Nanos now) noexcept {
  page.heartbeat_ns.store(static_cast<std::uint64_t>(now), std::memory_order_relaxed);
  page.asleep.store(0, std::memory_order_release);
}

/// By anybody.
[[nodiscard]] inline StagePulse read_pulse(const StagePage& page) noexcept {
  const bool asleep = page.asleep.load(std::memory_order_acquire) != 0;  // first: see above
  return {static_cast<Nanos>(page.heartbeat_ns.load(std::memory_order_relaxed)), asleep};
}

}  // namespace prot::ipc
