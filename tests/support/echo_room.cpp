#include "tests/support/echo_room.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <random>

namespace prot::test {
namespace {

constexpr double kRate = 16'000;
constexpr int kSilence = 30;  // smaller samples are pauses

double gain_of(double db) { return std::pow(10.0, db / 20); }

std::int16_t clipped(double sample) {
  return static_cast<std::int16_t>(std::lround(std::clamp(sample, -32768.0, 32767.0)));
}

}  // namespace

EchoRoom::EchoRoom(const RoomOptions& options) : state_(options.seed * 2654435761U + 1) {
  const auto delay = static_cast<std::size_t>(options.delay_ms * kRate / 1000);
  const auto tail = static_cast<std::size_t>(options.tail_ms * kRate / 1000);
  response_.resize(delay + tail + 1);
  response_[delay] = 1;
  for (std::size_t i = 1; i <= tail; ++i) {
    const double decay = std::pow(10.0, -3.0 * static_cast<double>(i) / static_cast<double>(tail));
    response_[delay + i] = 0.25F * random() * static_cast<float>(decay);
  }
  double energy = 0;
  for (const float tap : response_) energy += static_cast<double>(tap) * tap;
  const double gain = gain_of(-options.attenuation_db) / std::sqrt(energy);
  for (float& tap : response_) tap *= static_cast<float>(gain);
  past_.resize(2 * response_.size());
  // The oldest first; of the delay nothing but its length is needed.
  std::reverse(response_.begin(), response_.end());
  response_.resize(tail + 1);
  noise_ = static_cast<float>(32768 * gain_of(options.noise_db) * std::sqrt(3.0));
}

float EchoRoom::random() noexcept {
  state_ = state_ * 1664525U + 1013904223U;
  return static_cast<float>(state_ >> 8U) / 8388608.0F - 1;
}

void EchoRoom::hear(std::span<const std::int16_t> far, std::span<const std::int16_t> near,
                    std::span<std::int16_t> out) {
  const std::size_t size = past_.size() / 2;
  for (std::size_t i = 0; i < out.size(); ++i) {
    past_[at_] = past_[at_ + size] = static_cast<float>(far[i]);
    at_ = (at_ + 1) % size;
    float sum = noise_ * random();
    for (std::size_t tap = 0; tap < response_.size(); ++tap) sum += response_[tap] * past_[at_ + tap];
    out[i] = clipped(static_cast<double>(sum) + (i < near.size() ? near[i] : 0));
  }
}

std::vector<std::int16_t> babble(double seconds, double level_db, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int16_t> samples(static_cast<std::size_t>(seconds * kRate));
  double low = 0;
  double lower = 0;
  const double rhythm = 3 + static_cast<double>(seed % 5) / 2;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double noise = static_cast<double>(random()) / 2147483648.0 - 1;
    low += 0.3 * (noise - low);
    lower += 0.05 * (low - lower);
    const double syllable =
        0.55 - 0.45 * std::cos(2 * std::numbers::pi * rhythm * static_cast<double>(i) / kRate);
    samples[i] = clipped(20'000 * (low - lower) * syllable);
  }
  return at_level(std::move(samples), level_db);
}

std::vector<std::int16_t> at_level(std::vector<std::int16_t> samples, double level_db) {
  double sum = 0;
  std::size_t count = 0;
  for (const std::int16_t sample : samples) {
    if (std::abs(static_cast<int>(sample)) <= kSilence) continue;
    sum += static_cast<double>(sample) * sample;
    ++count;
  }
  if (count == 0) return samples;
  const double gain = 32768 * gain_of(level_db) / std::sqrt(sum / static_cast<double>(count));
  for (std::int16_t& sample : samples) sample = clipped(sample * gain);
  return samples;
}

}  // namespace prot::test
