#include "echo_remover.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace prot::capture {
namespace {

constexpr std::int64_t kSlip = wire::kMicRate * 5 / 1000;  // stamps that are further off are right
constexpr unsigned kForgetful = 50;                        // blocks; by then no echo is left in the room
constexpr double kAudible = 1e-5;                          // -50 dBFS
constexpr double kSmoothing = 0.01;                        // a second of blocks
constexpr double kSooner = 0.04;                           // a quarter of one
constexpr unsigned kLearning = 40;                         // blocks of its echo, at least
constexpr unsigned kUnheardFor = 200;                      // blocks: no echo is that late
constexpr double kUnheard = 1e-6;                          // -60 dBFS
constexpr double kOfRoom = 2;                              // 3 dB above the room: its noise varies
constexpr double kRoomFalls = 0.2;                         // smoothing: a person who speaks is not the room,
constexpr double kRoomRises = 0.002;                       // a fan that is switched on is, in seconds

double power(std::span<const std::int16_t> samples) noexcept {
  double sum = 0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return sum / (static_cast<double>(samples.size()) * 32768.0 * 32768.0);
}

}  // namespace

EchoRemover::EchoRemover(std::unique_ptr<EchoCanceller> canceller)
    : canceller_(std::move(canceller)), quiet_(kForgetful) {}

void EchoRemover::reset() noexcept {
  canceller_->reset();
  search_.reset();
  shift_ = 0;
  quiet_ = kForgetful;
  audible_ = 0;
  room_ = 0;
  unlearn();
}

void EchoRemover::unlearn() noexcept {
  smooth_ = recent_ = {};
  audible_ = std::min(audible_, 1U);
  echoing_ = 0;
  learned_ = false;
}

void EchoRemover::process(std::span<std::int16_t, wire::kMicWindow> window, Nanos at) noexcept {
  powers_ = {};
  unsigned blocks = 0;
  for (std::size_t taken = 0; taken < window.size();) {
    const std::size_t part = std::min(kEchoBlock - filled_, window.size() - taken);
    std::copy_n(window.begin() + static_cast<std::ptrdiff_t>(taken), part,
                near_.begin() + static_cast<std::ptrdiff_t>(filled_));
    filled_ += part;
    taken += part;
    if (filled_ < kEchoBlock) break;
    const auto begin = static_cast<std::int64_t>(taken) - static_cast<std::int64_t>(kEchoBlock);
    block(at + begin * kSecond / static_cast<std::int64_t>(wire::kMicRate));
    filled_ = 0;
    ++blocks;
  }
  powers_.far /= blocks;
  powers_.heard /= blocks;
  powers_.left /= blocks;
  std::copy_n(ready_.begin(), window.size(), window.begin());
  std::copy(ready_.begin() + static_cast<std::ptrdiff_t>(window.size()),
            ready_.begin() + static_cast<std::ptrdiff_t>(ready_count_), ready_.begin());
  ready_count_ -= window.size();
}

void EchoRemover::block(Nanos at) noexcept {
  follow(FarEnd::index_of(at + kLead));
  // Before the canceller changes it.
  if (search_.hear(near_, place_ - FarEnd::index_of(kLead), far_end_)) move();
  std::array<std::int16_t, kEchoBlock> far;
  far_end_.read(place_ - FarEnd::index_of(shift_), far);
  place_ += static_cast<std::int64_t>(kEchoBlock);
  EchoPowers now{power(far), power(near_), 0};
  quiet_ = now.far > 0 ? 0 : std::min(quiet_ + 1, kForgetful);

  canceller_->process(near_, far);
  now.left = power(near_);
  powers_.far += now.far;
  powers_.heard += now.heard;
  powers_.left += now.left;
  if (now.far > kAudible) learn(now);
  if (quiet_ >= kForgetful) hear_room(now.heard);
  std::copy(near_.begin(), near_.end(), ready_.begin() + static_cast<std::ptrdiff_t>(ready_count_));
  ready_count_ += kEchoBlock;
}

void EchoRemover::learn(const EchoPowers& block) noexcept {
  smooth_.heard += kSmoothing * (block.heard - smooth_.heard);
  smooth_.left += kSmoothing * (block.left - smooth_.left);
  recent_.heard += kSooner * (block.heard - recent_.heard);
  recent_.left += kSooner * (block.left - recent_.left);
  if (learned_) return;
  ++audible_;
  if (block.heard > kUnheard && block.heard > kOfRoom * room_) ++echoing_;
  const bool unheard = smooth_.heard < kUnheard || smooth_.left < kOfRoom * room_;
  // A canceller takes all of an echo's first moments away, also of one that comes too late for it.
  const bool gone = echoing_ >= kLearning && recent_.heard > recent_.left * std::pow(10.0, kLearned / 10);
  learned_ = gone || (audible_ > kUnheardFor && unheard);
}

void EchoRemover::hear_room(double power) noexcept {
  if (room_ == 0) room_ = power;
  room_ += (power < room_ ? kRoomFalls : kRoomRises) * (power - room_);
}

void EchoRemover::follow(std::int64_t due) noexcept {
  if (quiet_ >= kForgetful) {
    place_ = due;
  } else if (std::abs(due - place_) > kSlip) {
    place_ = due;
    ++slips_;
  }
}

void EchoRemover::move() noexcept {
  const Nanos behind = search_.delay() - shift_;
  if (behind >= kSoonest && behind <= kTooLate) return;
  const Nanos shift = std::max<Nanos>(0, search_.delay() - kMovedTo);
  if (shift == shift_) return;
  shift_ = shift;
  ++moves_;
  unlearn();
}

double EchoRemover::removed_db() const noexcept {
  if (smooth_.heard <= 0 || smooth_.left <= 0) return 0;
  return 10 * std::log10(smooth_.heard / smooth_.left);
}

}  // namespace prot::capture
