#pragma once

#include <cstdint>

namespace prot {

/// Nanoseconds of CLOCK_MONOTONIC: the one clock of all stages, comparable between processes.
using Nanos = std::int64_t;

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kNever = INT64_MAX;

/// Where time comes from. Stages take a Clock, so that tests turn it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Nanos now() const noexcept = 0;
};

/// CLOCK_MONOTONIC. RT safe.
class SteadyClock final : public Clock {
 public:
  [[nodiscard]] Nanos now() const noexcept override;
};

/// CLOCK_MONOTONIC now. RT safe. For stamps only; logic takes a Clock.
[[nodiscard]] Nanos monotonic_now() noexcept;
/// CLOCK_REALTIME, nanoseconds since 1970 UTC.
[[nodiscard]] Nanos wall_now() noexcept;

/// A clock that tests turn by hand.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Nanos start = kSecond) : now_(start) {}
  [[nodiscard]] Nanos now() const noexcept override { return now_; }
  void advance(Nanos by) noexcept { now_ += by; }

 private:
  Nanos now_;
};

}  // namespace prot
