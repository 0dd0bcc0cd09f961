#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"

namespace prot::supervisor {

/// When a program that died is started again. It never gives up. Pure: no clock, no thread.
///
///   it had been ready >= 2 s, first death in a row | at once
///   else                                           | 10 ms, doubled at each death up to 5 s, +-20 %
///   more than 10 deaths within 60 s                | degraded: every 15 s, until it is well or a hand resets
///   it was ready for 30 s                          | well: counting begins anew
class RestartPolicy {
 public:
  static constexpr Nanos kHealthy = 2 * kSecond;
  static constexpr Nanos kForgiven = 30 * kSecond;
  static constexpr Nanos kFirst = 10 * kMillisecond;
  static constexpr Nanos kLongest = 5 * kSecond;
  static constexpr Nanos kWindow = 60 * kSecond;
  static constexpr unsigned kMostInWindow = 10;
  static constexpr Nanos kDegradedDelay = 15 * kSecond;

  explicit RestartPolicy(std::uint64_t seed) noexcept : random_(seed | 1U) {}

  /// A death. `ready_for`: how long it had been ready, 0: never. Returns the delay until the next start.
  [[nodiscard]] Nanos on_death(Nanos now, Nanos ready_for) noexcept {
    if (ready_for >= kForgiven) reset();
    // The eleventh newest death is the one that `now` overwrites.
    Nanos& oldest = times_[next_time_++ % times_.size()];
    if (oldest != 0 && now - oldest <= kWindow) degraded_ = true;
    oldest = now;
    const unsigned before = deaths_++;
    if (degraded_) return kDegradedDelay;
    if (before == 0 && ready_for >= kHealthy) return 0;
    Nanos delay = kFirst;
    for (unsigned i = 0; i < before && delay < kLongest; ++i) delay *= 2;
    if (delay > kLongest) delay = kLongest;
    return delay - delay / 5 + static_cast<Nanos>(next_random() % static_cast<std::uint64_t>(delay * 2 / 5));
  }
  /// It is well, or somebody asked for a restart by hand: never held back.
  void reset() noexcept {
    deaths_ = 0;
    degraded_ = false;
    times_ = {};
  }
  [[nodiscard]] unsigned deaths_in_a_row() const noexcept { return deaths_; }
  [[nodiscard]] bool degraded() const noexcept { return degraded_; }

 private:
  std::uint64_t next_random() noexcept {  // xorshift: jitter needs no more
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    return random_;
  }
  std::uint64_t random_;
  unsigned deaths_ = 0;
  bool degraded_ = false;
  std::array<Nanos, kMostInWindow> times_{};  // of the newest deaths; 0: none
  std::size_t next_time_ = 0;
};

}  // namespace prot::supervisor
