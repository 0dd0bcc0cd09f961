#include "delay_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

namespace prot::capture {
namespace {

constexpr double kRate = wire::kMicRate;
constexpr double kLowest = 150, kHighest = 6000;  // Hz: what a voice has, and a loudspeaker can do
constexpr float kMemory = 0.8F;                   // of a search in the next one
constexpr double kAudible = 1e-5;                 // of the far end: -50 dBFS
constexpr double kProminent = 8;                  // chance reaches 5 among so many delays
constexpr unsigned kAgreeing = 3;                 // searches
constexpr std::int64_t kSame = wire::kMicRate * 3 / 1000;

double power(std::span<const std::int16_t> samples) noexcept {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return sum / (static_cast<double>(samples.size()) * 32768.0 * 32768.0);
}

constexpr std::int64_t samples_in(Nanos time) noexcept {
  return audio::nanos_to_frames(time, wire::kMicRate);
}

}  // namespace

DelaySearch::DelaySearch() : roots_(kSize / 2), hann_(kNear), work_(kSize), far_(kSize) {
  for (std::size_t i = 0; i < roots_.size(); ++i) {
    const double angle = -2 * std::numbers::pi * static_cast<double>(i) / kSize;
    roots_[i] = {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))};
  }
  for (std::size_t i = 0; i < kNear; ++i)
    hann_[i] =
        static_cast<float>(0.5 - 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / kNear));
  const auto bin = [](double hertz) { return static_cast<std::size_t>(hertz * kSize / kRate); };
  phases_.resize(bin(kHighest) - bin(kLowest));
}

void DelaySearch::reset() noexcept {
  std::fill(phases_.begin(), phases_.end(), Complex{});
  filled_ = 0;
  agreeing_ = 0;
  prominence_ = 0;
  found_ = false;
}

bool DelaySearch::hear(std::span<const std::int16_t, kEchoBlock> near, std::int64_t place,
                       const FarEnd& far) noexcept {
  if (place != next_place_) filled_ = 0;  // a window has no seam
  next_place_ = place + static_cast<std::int64_t>(kEchoBlock);
  std::copy(near.begin(), near.end(), near_.begin() + static_cast<std::ptrdiff_t>(filled_));
  filled_ += kEchoBlock;
  if (filled_ < kNear) return false;
  const bool agreed = look(far);
  std::copy(near_.begin() + kHop, near_.end(), near_.begin());
  filled_ -= kHop;
  return agreed;
}

bool DelaySearch::look(const FarEnd& far) noexcept {
  // Every sample of the near window meets every delay: the far one begins earlier by the latest of them.
  far.read(next_place_ - samples_in(kEarliest) - static_cast<std::int64_t>(kSize), far_);
  if (power(far_) < kAudible) return false;
  // Two real signals in one transform.
  for (std::size_t i = 0; i < kSize; ++i) {
    work_[i] = {i < kNear ? hann_[i] * static_cast<float>(near_[i]) : 0, static_cast<float>(far_[i])};
  }
  transform();
  accumulate();
  const std::int64_t lag = best_lag();
  if (prominence_ < kProminent) {
    agreeing_ = 0;
    return false;
  }
  agreeing_ = std::abs(lag - candidate_) <= kSame ? agreeing_ + 1 : 1;
  candidate_ = lag;
  if (agreeing_ < kAgreeing) return false;
  delay_ = audio::frames_to_nanos(lag, wire::kMicRate);
  return found_ = true;
}

void DelaySearch::accumulate() noexcept {
  const auto first = static_cast<std::size_t>(kLowest * kSize / kRate);
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    const Complex one = work_[first + i];
    const Complex other = std::conj(work_[kSize - first - i]);
    const Complex near = one + other;
    const Complex far = Complex(0, -1) * (one - other);
    const Complex cross = near * std::conj(far);
    const float size = std::abs(cross);
    phases_[i] = kMemory * phases_[i] + (size > 0 ? (1 - kMemory) / size * cross : Complex{});
  }
}

// The delay with the highest peak, in samples; how high, in `prominence_`.
std::int64_t DelaySearch::best_lag() noexcept {
  const auto first = static_cast<std::size_t>(kLowest * kSize / kRate);
  std::fill(work_.begin(), work_.end(), Complex{});
  // The conjugate forwards is the inverse, but for the sign of the imaginary part, which is not wanted.
  for (std::size_t i = 0; i < phases_.size(); ++i) work_[first + i] = std::conj(phases_[i]);
  transform();
  // At index n: the near window begins n samples after that of the far end, less the delay.
  const std::int64_t begins = static_cast<std::int64_t>(kSize - kNear) + samples_in(kEarliest);
  double squares = 0;
  float peak = 0;
  std::int64_t best = 0;
  const std::int64_t earliest = samples_in(kEarliest);
  const std::int64_t latest = samples_in(kLatest);
  for (std::int64_t lag = earliest; lag <= latest; ++lag) {
    const auto at = static_cast<std::size_t>(lag - begins + static_cast<std::int64_t>(kSize)) % kSize;
    const float height = std::abs(work_[at].real());
    squares += static_cast<double>(height) * height;
    if (height <= peak) continue;
    peak = height;
    best = lag;
  }
  const double rest = (squares - static_cast<double>(peak) * peak) / static_cast<double>(latest - earliest);
  prominence_ = rest > 0 ? peak / std::sqrt(rest) : 0;
  return best;
}

// In place, radix 2, decimated in time.
void DelaySearch::transform() noexcept {
  for (std::size_t i = 1, j = 0; i < kSize; ++i) {
    std::size_t bit = kSize / 2;
    for (; (j & bit) != 0; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(work_[i], work_[j]);
  }
  for (std::size_t half = 1; half < kSize; half *= 2) {
    const std::size_t stride = kSize / (2 * half);
    for (std::size_t begin = 0; begin < kSize; begin += 2 * half) {
      for (std::size_t i = 0; i < half; ++i) {
        const Complex root = roots_[i * stride];
        const Complex odd = work_[begin + half + i];
        const Complex turned(root.real() * odd.real() - root.imag() * odd.imag(),
                             root.real() * odd.imag() + root.imag() * odd.real());
        work_[begin + half + i] = work_[begin + i] - turned;
        work_[begin + i] += turned;
      }
    }
  }
}

}  // namespace prot::capture
