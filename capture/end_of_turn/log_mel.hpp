#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prot::capture {

/// The log-mel spectrogram that Smart Turn listens to: the last 8 s at 16 kHz, of zero mean and unit
/// variance, in frames of 400 samples (periodic Hann) every 160, the first and the last half a frame
/// mirrored; 80 Slaney mels, log10, not below 8 under the maximum, (x + 4) / 4. Not thread-safe. Allocates
/// only when it is made.
class LogMel {
 public:
  static constexpr std::size_t kSamples = 128'000;
  static constexpr std::size_t kMels = 80;
  static constexpr std::size_t kFrames = 800;

  LogMel();

  /// Of more samples the last ones count, fewer get silence in front. kMels rows of kFrames; valid until the
  /// next call.
  [[nodiscard]] std::span<const float> features(std::span<const std::int16_t> samples);

 private:
  static constexpr std::size_t kFrame = 400;
  static constexpr std::size_t kHop = 160;
  static constexpr std::size_t kBins = kFrame / 2 + 1;

  struct Complex {
    float re;
    float im;
  };
  /// A triangle over the bins from `first` on.
  struct Filter {
    std::size_t first = 0;
    std::vector<float> weights;
  };

  void normalise(std::span<const std::int16_t> samples);
  void load(std::size_t frame, float Complex::*part);
  void transform(const Complex* in, Complex* out, std::size_t size, std::size_t stride) const;
  void apply_filters(std::size_t frame, const std::array<float, kBins>& power);

  std::vector<Filter> filters_;
  std::array<float, kFrame> hann_{};
  std::array<Complex, kFrame> roots_{};  // of unity
  std::array<Complex, kFrame> in_{};
  std::array<Complex, kFrame> out_{};
  std::vector<float> wave_;
  std::vector<float> mels_;
};

}  // namespace prot::capture
