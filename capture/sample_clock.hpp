#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace prot::capture {

/// Sample index -> CLOCK_MONOTONIC at the microphone. A window's arrival (minus the device's latency) jitters
/// by milliseconds; the crystal does not: a delay-locked loop follows the arrivals slowly, so that the times
/// of marks keep the regularity of the samples. Not thread-safe. RT safe. Invariant: between two restarts of
/// the clock, times rise with the sample index, whatever the jitter.
class SampleClock {
 public:
  explicit SampleClock(unsigned rate) noexcept;

  /// The samples before `end` are in; the last of them was at the microphone at about `at`.
  void observe(std::uint64_t end, Nanos at) noexcept;
  /// When `sample` was (or will be) at the microphone; 0 before the first observation.
  [[nodiscard]] Nanos time_of(std::uint64_t sample) const noexcept;
  /// Another device, another crystal: the next observation is the new anchor.
  void restart() noexcept { observations_ = 0; }

  /// How often an arrival was so far off that the clock was anchored again (suspend, lost samples).
  [[nodiscard]] std::uint64_t jumps() const noexcept { return jumps_; }

 private:
  void anchor(std::uint64_t end, Nanos at) noexcept;

  double nominal_;         // nanoseconds a sample
  double period_ = 0;      // the same, as measured
  std::uint64_t end_ = 0;  // sample of the last observation
  Nanos at_ = 0;           // its smoothed time, whole nanoseconds
  double fraction_ = 0;    // and the rest
  std::uint64_t observations_ = 0;
  std::uint64_t jumps_ = 0;
};

}  // namespace prot::capture
