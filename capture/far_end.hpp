#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "audio/pcm_format.hpp"
#include "audio/resampler.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {

/// What the loudspeaker played, at 16 kHz, in its place on the clock: sample n was at the DAC at n / 16000 s
/// of CLOCK_MONOTONIC. The last two seconds are kept; where nothing was played is silence. One thread.
/// Allocates at a change of rate only. Invariant: samples that were played without a gap lie without a gap,
/// however their stamps jitter; only a jump of the stamps (a pause, a cut, an underrun, another player)
/// begins a new stretch.
class FarEnd {
 public:
  static constexpr std::size_t kCapacity = 1U << 15U;

  FarEnd();

  /// The samples (16 bit) of a frame of `echo`: the first was, or will be, at the DAC at `at`. `cut`: what
  /// was announced for later was thrown away. A rate that is none is left out.
  void play(std::span<const std::byte> samples, unsigned rate, Nanos at, bool cut);
  /// The samples from `index` on.
  void read(std::int64_t index, std::span<std::int16_t> out) const noexcept;

  [[nodiscard]] static constexpr std::int64_t index_of(Nanos at) noexcept {
    return audio::nanos_to_frames(at, wire::kMicRate);
  }
  /// Behind the newest sample.
  [[nodiscard]] std::int64_t end() const noexcept { return end_; }
  /// How often a stretch began.
  [[nodiscard]] std::uint64_t stretches() const noexcept { return stretches_; }

 private:
  void use_rate(unsigned rate);
  void begin_stretch(std::int64_t index) noexcept;
  void append(std::span<const std::int16_t> samples) noexcept;
  [[nodiscard]] std::int16_t& at(std::int64_t index) noexcept;

  std::vector<std::int16_t> ring_;
  std::optional<audio::Resampler> resampler_;
  unsigned rate_ = 0;
  std::vector<std::int16_t> input_;
  std::vector<std::int16_t> output_;
  std::int64_t end_ = 0;
  std::int64_t begin_ = 0;  // of the stretch
  std::int64_t taken_ = 0;  // samples of the stretch, at their own rate
  double error_ = 0;        // stamps minus place, smoothed, in samples
  std::uint64_t stretches_ = 0;
};

}  // namespace prot::capture
