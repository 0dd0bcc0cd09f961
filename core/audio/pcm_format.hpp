#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace prot::audio {

/// Samples are always signed 16-bit, host (little) endian, interleaved.
struct PcmFormat {
  unsigned rate = 16'000;  // frames a second
  unsigned channels = 1;
};

/// Time that `frames` take at `rate`. RT safe.
[[nodiscard]] constexpr Nanos frames_to_nanos(std::int64_t frames, unsigned rate) noexcept {
  return frames / rate * kSecond + frames % rate * kSecond / rate;
}
/// Whole frames in `time` at `rate`. RT safe.
[[nodiscard]] constexpr std::int64_t nanos_to_frames(Nanos time, unsigned rate) noexcept {
  return time / kSecond * rate + time % kSecond * rate / kSecond;
}

}  // namespace prot::audio
