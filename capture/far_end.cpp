#include "far_end.hpp"

#include <algorithm>
#include <cmath>

#include "base/copy_bytes.hpp"

namespace prot::capture {
namespace {

constexpr std::size_t kLargestFrame = 16 * 1024 / sizeof(std::int16_t);
constexpr unsigned kPlayerRate = 24'000;
constexpr double kPause = 0.1 * wire::kMicRate;  // a jump by more is one at once
constexpr double kOff = 0.005 * wire::kMicRate;  // a smaller one when it lasts
constexpr double kSmoothing = 1.0 / 8;           // of a frame of 10 ms

}  // namespace

FarEnd::FarEnd() : ring_(kCapacity) {
  input_.reserve(kLargestFrame);
  use_rate(kPlayerRate);
}

void FarEnd::use_rate(unsigned rate) {
  rate_ = rate;
  resampler_.emplace(rate, wire::kMicRate);
  output_.reserve(kLargestFrame * wire::kMicRate / rate + 1024);
}

void FarEnd::play(std::span<const std::byte> samples, unsigned rate, Nanos at, bool cut) {
  const std::size_t count = samples.size() / sizeof(std::int16_t);
  if (count == 0 || rate < 4000 || rate > 192'000) return;
  const bool other_rate = rate != rate_;
  if (other_rate) use_rate(rate);
  const std::int64_t due = index_of(at);
  const std::int64_t expected = begin_ + taken_ * wire::kMicRate / rate;
  const auto error = static_cast<double>(due - expected);
  error_ += kSmoothing * (std::clamp(error, -kPause, kPause) - error_);
  if (cut || other_rate || std::abs(error) >= kPause || std::abs(error_) > kOff) begin_stretch(due);
  // A copy: the tail of a frame is not aligned for samples.
  input_.resize(count);
  copy_bytes(input_.data(), samples.data(), count * sizeof(std::int16_t));
  output_.clear();
  resampler_->process(input_, output_);
  taken_ += static_cast<std::int64_t>(count);
  append(output_);
}

void FarEnd::begin_stretch(std::int64_t index) noexcept {
  // Between the old end and the new begin nothing was played; what was announced for later neither.
  constexpr auto kAll = static_cast<std::int64_t>(kCapacity);
  const std::int64_t last = std::max(index, end_);
  for (std::int64_t i = std::max(std::min(index, end_), last - kAll); i < last; ++i) this->at(i) = 0;
  end_ = begin_ = index;
  taken_ = 0;
  error_ = 0;
  resampler_->reset();
  ++stretches_;
}

void FarEnd::append(std::span<const std::int16_t> samples) noexcept {
  for (const std::int16_t sample : samples) at(end_++) = sample;
}

std::int16_t& FarEnd::at(std::int64_t index) noexcept {
  return ring_[static_cast<std::size_t>(index) & (kCapacity - 1)];
}

void FarEnd::read(std::int64_t index, std::span<std::int16_t> out) const noexcept {
  for (std::int16_t& sample : out) {
    const bool there = index < end_ && index >= end_ - static_cast<std::int64_t>(kCapacity);
    sample = there ? ring_[static_cast<std::size_t>(index) & (kCapacity - 1)] : std::int16_t{0};
    ++index;
  }
}

}  // namespace prot::capture
