#include "capture/end_of_turn/log_mel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <random>

namespace prot::capture {
namespace {

constexpr std::size_t kMels = LogMel::kMels;
constexpr std::size_t kFrames = LogMel::kFrames;
constexpr std::size_t kSamples = LogMel::kSamples;

std::vector<float> features(const std::vector<std::int16_t>& samples) {
  LogMel log_mel;
  const std::span<const float> made = log_mel.features(samples);
  return {made.begin(), made.end()};
}
float at(const std::vector<float>& made, std::size_t mel, std::size_t frame) {
  return made[mel * kFrames + frame];
}

std::vector<std::int16_t> tone(double hertz, std::size_t count, double amplitude = 8000) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] = static_cast<std::int16_t>(
        std::lround(amplitude * std::sin(2 * std::numbers::pi * hertz * static_cast<double>(i) / 16'000)));
  return samples;
}
// Rises through all bands, with noise on it.
std::vector<std::int16_t> chirp(std::size_t count) {
  std::mt19937 random(7);
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) / 16'000;
    const double wave = 6000 * std::sin(2 * std::numbers::pi * (100 * t + 350 * t * t));
    samples[i] = static_cast<std::int16_t>(wave + static_cast<double>(random() % 801) - 400);
  }
  return samples;
}

/// The same by its definition: every sum written out, in double.
struct Reference {
  std::vector<double> wave;

  explicit Reference(const std::vector<std::int16_t>& samples) : wave(kSamples) {
    for (std::size_t i = 0; i < samples.size(); ++i)
      wave[kSamples - samples.size() + i] = samples[i] / 32768.0;
    double mean = 0;
    for (const double value : wave) mean += value / static_cast<double>(kSamples);
    double variance = 0;
    for (const double value : wave)
      variance += (value - mean) * (value - mean) / static_cast<double>(kSamples);
    for (double& value : wave) value = (value - mean) / std::sqrt(variance + 1e-7);
  }
  static double hertz(double mel) { return mel < 15 ? mel * 200 / 3 : 1000 * std::pow(6.4, (mel - 15) / 27); }
  // Before the clamp to the maximum.
  [[nodiscard]] double log_energy(std::size_t mel, std::size_t frame) const {
    const double top_mel = 15 + 27 * std::log(8.0) / std::log(6.4);
    const auto corner = [&](std::size_t i) { return hertz(top_mel * static_cast<double>(mel + i) / 81); };
    double energy = 0;
    for (int bin = 0; bin <= 200; ++bin) {
      const double f = bin * 40.0;
      const double rise = (f - corner(0)) / (corner(1) - corner(0));
      const double fall = (corner(2) - f) / (corner(2) - corner(1));
      const double height = std::max(0.0, std::min(rise, fall)) * 2 / (corner(2) - corner(0));
      if (height == 0) continue;
      std::complex<double> sum = 0;
      for (int i = 0; i < 400; ++i) {
        int index = static_cast<int>(frame) * 160 - 200 + i;
        if (index < 0) index = -index;
        if (index >= static_cast<int>(kSamples)) index = 2 * static_cast<int>(kSamples) - 2 - index;
        const double hann = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * i / 400);
        sum += wave[static_cast<std::size_t>(index)] * hann *
               std::polar(1.0, -2 * std::numbers::pi * bin * i / 400);
      }
      energy += height * std::norm(sum);
    }
    return std::log10(std::max(energy, 1e-10));
  }
};

TEST_CASE("the features are those of their definition") {
  for (const std::size_t count : {kSamples, kSamples - 1, std::size_t{70'123}, std::size_t{500}}) {
    CAPTURE(count);
    const std::vector<std::int16_t> samples = chirp(count);
    const std::vector<float> made = features(samples);
    const Reference reference(samples);
    const float highest = *std::max_element(made.begin(), made.end());
    const double floor = highest * 4.0 - 4 - 8;
    for (const std::size_t frame :
         {std::size_t{0}, std::size_t{1}, std::size_t{400}, std::size_t{651}, kFrames - 2, kFrames - 1})
      for (std::size_t mel = 0; mel < kMels; mel += 7)
        CHECK(at(made, mel, frame) ==
              doctest::Approx((std::max(reference.log_energy(mel, frame), floor) + 4) / 4).epsilon(0.001));
  }
}

TEST_CASE("silence is the floor everywhere") {
  for (const float value : features({})) REQUIRE(value == doctest::Approx(-1.5F));
  for (const float value : features(std::vector<std::int16_t>(kSamples)))
    REQUIRE(value == doctest::Approx(-1.5F));
}

TEST_CASE("nothing is more than 80 dB under the maximum") {
  const std::vector<float> made = features(tone(440, kSamples));
  const auto [lowest, highest] = std::minmax_element(made.begin(), made.end());
  CHECK(*highest - *lowest <= doctest::Approx(2.0F));
}

TEST_CASE("loudness does not matter") {
  const std::vector<float> loud = features(tone(440, kSamples, 16'000));
  const std::vector<float> soft = features(tone(440, kSamples, 4'000));
  const auto band = [](const std::vector<float>& made) {
    std::size_t best = 0;
    for (std::size_t mel = 0; mel < kMels; ++mel)
      if (at(made, mel, 400) > at(made, best, 400)) best = mel;
    return best;
  };
  CHECK(band(loud) == band(soft));
  CHECK(at(loud, band(loud), 400) == doctest::Approx(at(soft, band(soft), 400)).epsilon(0.001));
}

TEST_CASE("a tone is in its band") {
  // The middle of band m is at hertz((m + 1) / 81 of the top).
  for (const std::size_t mel : {std::size_t{10}, std::size_t{30}, std::size_t{50}, std::size_t{75}}) {
    const double top_mel = 15 + 27 * std::log(8.0) / std::log(6.4);
    const double hertz = Reference::hertz(top_mel * static_cast<double>(mel + 1) / 81);
    const std::vector<float> made = features(tone(hertz, kSamples));
    std::size_t best = 0;
    for (std::size_t other = 0; other < kMels; ++other)
      if (at(made, other, 300) > at(made, best, 300)) best = other;
    CHECK(best + 1 >= mel);
    CHECK(best <= mel + 1);
  }
}

TEST_CASE("of a long turn the end counts") {
  std::vector<std::int16_t> samples = chirp(kSamples);
  const std::vector<float> made = features(samples);
  samples.insert(samples.begin(), 5000, 1234);
  CHECK(features(samples) == made);
}

TEST_CASE("a frame later is a frame later") {
  std::vector<std::int16_t> samples(20'000);
  std::copy_n(chirp(4000).begin(), 4000, samples.begin() + 8000);
  const std::vector<float> made = features(samples);
  samples.insert(samples.end(), 160 * 10, 0);
  const std::vector<float> later = features(samples);
  for (std::size_t mel = 0; mel < kMels; ++mel)
    for (std::size_t frame = 0; frame + 12 < kFrames; ++frame)
      REQUIRE(at(later, mel, frame) == doctest::Approx(at(made, mel, frame + 10)).epsilon(0.0001));
}

}  // namespace
}  // namespace prot::capture
