#include "end_of_turn/log_mel.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace prot::capture {
namespace {

constexpr double kRate = 16'000;
constexpr double kBreak = 1000;  // Hz: below it Slaney's scale is linear
constexpr double kBreakMel = 15;
const double kLogStep = std::log(6.4) / 27;

double mel_of(double hertz) {
  return hertz < kBreak ? hertz * kBreakMel / kBreak : kBreakMel + std::log(hertz / kBreak) / kLogStep;
}
double hertz_of(double mel) {
  return mel < kBreakMel ? mel * kBreak / kBreakMel : kBreak * std::exp((mel - kBreakMel) * kLogStep);
}

}  // namespace

LogMel::LogMel() : filters_(kMels), wave_(kSamples), mels_(kMels * kFrames) {
  for (std::size_t i = 0; i < kFrame; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / kFrame;
    hann_[i] = static_cast<float>(0.5 - 0.5 * std::cos(angle));
    roots_[i] = {static_cast<float>(std::cos(angle)), static_cast<float>(-std::sin(angle))};
  }
  const double step = mel_of(kRate / 2) / (kMels + 1);
  for (std::size_t m = 0; m < kMels; ++m) {
    const double left = hertz_of(static_cast<double>(m) * step);
    const double top = hertz_of(static_cast<double>(m + 1) * step);
    const double right = hertz_of(static_cast<double>(m + 2) * step);
    Filter& filter = filters_[m];
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double hertz = static_cast<double>(bin) * kRate / kFrame;
      const double height = std::min((hertz - left) / (top - left), (right - hertz) / (right - top));
      if (height <= 0) continue;
      if (filter.weights.empty()) filter.first = bin;
      filter.weights.push_back(static_cast<float>(height * 2 / (right - left)));  // of equal area
    }
  }
}

void LogMel::normalise(std::span<const std::int16_t> samples) {
  constexpr double kFullScale = 32768;
  constexpr double kLeastVariance = 1e-7;
  double sum = 0;
  double squares = 0;
  for (const std::int16_t sample : samples) {
    const double value = sample / kFullScale;
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kSamples;
  const double scale = 1 / std::sqrt(std::max(squares / kSamples - mean * mean, 0.0) + kLeastVariance);
  const std::size_t silence = kSamples - samples.size();
  std::fill_n(wave_.begin(), silence, static_cast<float>(-mean * scale));
  std::transform(
      samples.begin(), samples.end(), wave_.begin() + static_cast<std::ptrdiff_t>(silence),
      [&](std::int16_t sample) { return static_cast<float>((sample / kFullScale - mean) * scale); });
}

void LogMel::load(std::size_t frame, float Complex::*part) {
  const auto begin = static_cast<std::ptrdiff_t>(frame * kHop) - static_cast<std::ptrdiff_t>(kFrame / 2);
  constexpr auto kLast = static_cast<std::ptrdiff_t>(kSamples - 1);
  for (std::size_t i = 0; i < kFrame; ++i) {
    std::ptrdiff_t at = std::abs(begin + static_cast<std::ptrdiff_t>(i));
    if (at > kLast) at = 2 * kLast - at;
    in_[i].*part = wave_[static_cast<std::size_t>(at)] * hann_[i];
  }
}

// Mixed radix, decimated in time: 400 = 4 * 4 * 5 * 5.
void LogMel::transform(const Complex* in, Complex* out, std::size_t size, std::size_t stride) const {
  if (size == 1) {
    *out = *in;
    return;
  }
  const auto times = [](const Complex& a, const Complex& b) {
    return Complex{a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  };
  const std::size_t radix = size % 4 == 0 ? 4 : 5;
  const std::size_t part = size / radix;
  for (std::size_t q = 0; q < radix; ++q) transform(in + q * stride, out + q * part, part, stride * radix);
  for (std::size_t k = 0; k < part; ++k) {
    std::array<Complex, 5> turned{};
    for (std::size_t q = 0; q < radix; ++q) turned[q] = times(out[q * part + k], roots_[q * k * stride]);
    for (std::size_t r = 0; r < radix; ++r) {
      Complex sum = turned[0];
      for (std::size_t q = 1; q < radix; ++q) {
        const Complex term = times(turned[q], roots_[q * r % radix * (kFrame / radix)]);
        sum.re += term.re;
        sum.im += term.im;
      }
      out[r * part + k] = sum;
    }
  }
}

void LogMel::apply_filters(std::size_t frame, const std::array<float, kBins>& power) {
  constexpr float kFloor = 1e-10F;
  for (std::size_t m = 0; m < kMels; ++m) {
    const Filter& filter = filters_[m];
    float energy = 0;
    for (std::size_t i = 0; i < filter.weights.size(); ++i)
      energy += filter.weights[i] * power[filter.first + i];
    mels_[m * kFrames + frame] = std::log10(std::max(energy, kFloor));
  }
}

std::span<const float> LogMel::features(std::span<const std::int16_t> samples) {
  if (samples.size() > kSamples) samples = samples.last(kSamples);
  normalise(samples);

  // The frames of the silence in front are all alike.
  const std::size_t silence = kSamples - samples.size();
  const std::size_t alike = silence < kFrame ? 0 : (silence - kFrame / 2) / kHop;
  for (std::size_t frame = alike; frame < kFrames; frame += 2) {
    load(frame, &Complex::re);
    load(std::min(frame + 1, kFrames - 1), &Complex::im);
    transform(in_.data(), out_.data(), kFrame, 1);
    // Two real frames in one complex transform: the even part is the one's, the odd part the other's.
    std::array<float, kBins> one{};
    std::array<float, kBins> other{};
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const Complex& a = out_[bin];
      const Complex& b = out_[(kFrame - bin) % kFrame];
      const float even_re = a.re + b.re;
      const float even_im = a.im - b.im;
      const float odd_re = a.im + b.im;
      const float odd_im = b.re - a.re;
      one[bin] = (even_re * even_re + even_im * even_im) / 4;
      other[bin] = (odd_re * odd_re + odd_im * odd_im) / 4;
    }
    apply_filters(frame, one);
    if (frame + 1 < kFrames) apply_filters(frame + 1, other);
  }
  for (std::size_t m = 0; m < kMels && alike > 0; ++m) {
    const auto row = mels_.begin() + static_cast<std::ptrdiff_t>(m * kFrames);
    std::fill_n(row, alike, row[static_cast<std::ptrdiff_t>(alike)]);
  }

  constexpr float kRange = 8;
  const float floor = *std::max_element(mels_.begin(), mels_.end()) - kRange;
  for (float& value : mels_) value = (std::max(value, floor) + 4) / 4;
  return mels_;
}

}  // namespace prot::capture
