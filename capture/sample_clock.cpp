#include "sample_clock.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace prot::capture {
namespace {

constexpr double kBandwidthHz = 0.1;   // of the loop, once it has settled
constexpr std::uint64_t kSettle = 32;  // observations whose plain mean anchors the clock
constexpr double kMaxDrift = 500e-6;   // no crystal is worse
constexpr double kOutlier = 20e6;      // a larger error (ns) is a late thread, not the crystal
constexpr double kJump = 200e6;        // a larger one (ns) means that samples are missing

}  // namespace

SampleClock::SampleClock(unsigned rate) noexcept
    : nominal_(static_cast<double>(kSecond) / rate), period_(nominal_) {}

void SampleClock::anchor(std::uint64_t end, Nanos at) noexcept {
  end_ = end;
  at_ = at;
  fraction_ = 0;
  period_ = nominal_;
  observations_ = 1;
}

void SampleClock::observe(std::uint64_t end, Nanos at) noexcept {
  if (observations_ == 0) {
    anchor(end, at);
    return;
  }
  const double samples = static_cast<double>(static_cast<std::int64_t>(end - end_));
  const double predicted = samples * period_ + fraction_;  // relative to at_
  const double raw_error = static_cast<double>(at - at_) - predicted;
  if (std::abs(raw_error) > kJump) {
    ++jumps_;
    anchor(end, at);
    return;
  }
  double move = 0;
  if (observations_ < kSettle) {
    move = raw_error / static_cast<double>(observations_ + 1);
  } else {
    const double error = std::clamp(raw_error, -kOutlier, kOutlier);
    const double omega = 2 * std::numbers::pi * kBandwidthHz * samples * nominal_ / 1e9;
    move = std::numbers::sqrt2 * omega * error;
    period_ = std::clamp(period_ + omega * omega * error / std::max(samples, 1.0), nominal_ * (1 - kMaxDrift),
                         nominal_ * (1 + kMaxDrift));
  }
  const double advanced = predicted + move;
  const auto whole = static_cast<Nanos>(std::floor(advanced));
  at_ += whole;
  fraction_ = advanced - static_cast<double>(whole);
  end_ = end;
  ++observations_;
}

Nanos SampleClock::time_of(std::uint64_t sample) const noexcept {
  if (observations_ == 0) return 0;
  const double samples = static_cast<double>(static_cast<std::int64_t>(sample - end_));
  return at_ + static_cast<Nanos>(std::llround(samples * period_ + fraction_));
}

}  // namespace prot::capture
