#pragma once

#include <cstdint>
#include <functional>

#include "audio/pcm_format.hpp"
#include "base/clock.hpp"

namespace prot::audio {

/// Time for what only pretends to be a device: a clock, and how to wait for a moment on it.
/// Default: CLOCK_MONOTONIC and a real sleep. A test gives a FakeClock and a function that advances it.
/// Lifetime: the clock must outlive its users.
struct Pacing {
  const Clock* clock = nullptr;              // null: CLOCK_MONOTONIC
  std::function<void(Nanos)> sleep_until{};  // empty: clock_nanosleep

  [[nodiscard]] Nanos now() const;
  void wait_until(Nanos when) const;
};

/// A loudspeaker that is not there: what is written is "played" at the rate, from a buffer of fixed length;
/// with nothing to play it stands still. Not thread-safe.
class PlayoutModel {
 public:
  PlayoutModel(unsigned rate, Nanos buffer, Pacing pacing);

  /// Blocks until the buffer has room for `frames`, then takes them.
  void write(std::int64_t frames);
  /// Frames that have been played by now.
  [[nodiscard]] std::int64_t played() const;
  /// Time until the last frame taken is played.
  [[nodiscard]] Nanos latency() const;
  void drain();
  /// Drops what is not played yet.
  void flush();

 private:
  unsigned rate_;
  Nanos buffer_;
  Pacing pacing_;
  std::int64_t written_ = 0;
  Nanos empty_at_ = 0;  // when the last frame written will have been played
};

}  // namespace prot::audio
