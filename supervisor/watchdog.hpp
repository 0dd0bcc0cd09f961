#pragma once

#include "instance.hpp"

namespace prot::supervisor {

/// Looks at the heartbeats on the board. A stage asleep with nothing to read is healthy, one awake without
/// progress is hung; one in a debugger is left alone. Single-threaded.
class Watchdog {
 public:
  static constexpr Nanos kScanEvery = 500 * kMillisecond;
  static constexpr Nanos kHungAwake = 5 * kSecond;
  static constexpr Nanos kHungAsleep = 15 * kSecond;  // stopped from outside, with frames waiting
  static constexpr Nanos kOverslept = 2 * kSecond;    // the machine was suspended: everybody slept

  explicit Watchdog(Instance& instance) : instance_(&instance) {}

  void begin(Nanos now) noexcept { last_scan_ = now; }
  [[nodiscard]] Nanos next_deadline() const noexcept { return last_scan_ + kScanEvery; }
  void on_time(Nanos now);

 private:
  Instance* instance_;
  Nanos last_scan_ = 0;
};

}  // namespace prot::supervisor
