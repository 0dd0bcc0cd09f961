#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "audio/pcm_format.hpp"

namespace prot::audio {

/// How late samples are, from nothing but when they came: a device delivers at its rate, so those reads of
/// the last two seconds or so that came soonest show when samples are due. Used where the sound server's own
/// report is not to be trusted: PulseAudio's interpolated latency of a recording was seen 700 ms wrong in the
/// first seconds. Follows the crystal's drift, and a gap in the stream within the window. Not thread-safe. RT
/// safe.
class ArrivalClock {
 public:
  explicit ArrivalClock(unsigned rate) noexcept : rate_(rate) {}

  /// `frames` more were read, and the read returned at `now`.
  void arrived(std::int64_t frames, Nanos now) noexcept;
  /// How much later than due the next frame would be, if it were read at `now`. 0 before the first arrival.
  [[nodiscard]] Nanos lateness(Nanos now) const noexcept;
  /// Frames were lost or dropped: starts anew.
  void reset() noexcept { count_ = 0; }

 private:
  static constexpr std::size_t kWindow = 64;  // reads; of 32 ms each: 2 s

  unsigned rate_;
  std::int64_t frames_ = 0;
  std::array<Nanos, kWindow> offsets_{};  // arrival minus length of all frames before
  std::size_t count_ = 0;
};

}  // namespace prot::audio
