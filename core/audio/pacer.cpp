#include "audio/pacer.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace prot::audio {

Nanos Pacing::now() const { return clock != nullptr ? clock->now() : monotonic_now(); }

void Pacing::wait_until(Nanos when) const {
  if (sleep_until) return sleep_until(when);
  const timespec deadline = {.tv_sec = when / kSecond, .tv_nsec = when % kSecond};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

PlayoutModel::PlayoutModel(unsigned rate, Nanos buffer, Pacing pacing)
    : rate_(rate), buffer_(buffer), pacing_(std::move(pacing)) {}

void PlayoutModel::write(std::int64_t frames) {
  const Nanos length = frames_to_nanos(frames, rate_);
  empty_at_ = std::max(empty_at_, pacing_.now()) + length;
  written_ += frames;
  if (const Nanos room_at = empty_at_ - buffer_; room_at > pacing_.now()) pacing_.wait_until(room_at);
}

std::int64_t PlayoutModel::played() const { return written_ - nanos_to_frames(latency(), rate_); }

Nanos PlayoutModel::latency() const { return std::max<Nanos>(0, empty_at_ - pacing_.now()); }

void PlayoutModel::drain() {
  if (empty_at_ > pacing_.now()) pacing_.wait_until(empty_at_);
}

void PlayoutModel::flush() {
  written_ = played();
  empty_at_ = pacing_.now();
}

}  // namespace prot::audio
