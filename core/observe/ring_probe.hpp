#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "base/clock.hpp"
#include "observe/ring_view.hpp"
#include "observe/snapshot.hpp"

namespace prot::observe {

/// How long frames stayed, over the last minute. Not thread-safe.
class LagWindow {
 public:
  static constexpr Nanos kSpan = 60 * kSecond;
  static constexpr std::size_t kMost = 4096;

  void add(Nanos now, Nanos lag);
  /// The smallest sample that 99 % of the samples do not exceed; of fewer than 100 the largest.
  [[nodiscard]] std::optional<Nanos> p99(Nanos now);
  void clear() noexcept { samples_.clear(); }

 private:
  struct Sample {
    Nanos at;
    Nanos lag;
  };
  std::deque<Sample> samples_;
};

/// Turns one ring's memory into rows: read-only, whatever its sides do or did. Not thread-safe.
/// Lives no longer than the memory and the clock.
class RingProbe {
 public:
  /// REQUIRES: memory valid (validate_ring).
  RingProbe(const ipc::RingMemory& memory, const Clock& clock);

  /// What is there now; rates since the last call, none at the first.
  [[nodiscard]] RingRow read();
  /// Forgets the samples behind p99.
  void clear() noexcept { lags_.clear(); }

 private:
  struct Totals {
    Nanos at = 0;
    std::uint64_t frames = 0, bytes = 0, released = 0, wakes = 0, blocked_ns = 0;
  };
  void read_counters(RingRow& row) const;
  void read_times(RingRow& row, const Positions& positions);
  void add_rates(RingRow& row, Nanos now);

  RingView view_;
  const Clock* clock_;
  RingRow identity_;  // what never changes
  LagWindow lags_;
  std::uint64_t sampled_ = 0;  // 1 + sequence of the newest frame that gave a sample
  std::optional<Totals> before_;
};

}  // namespace prot::observe
