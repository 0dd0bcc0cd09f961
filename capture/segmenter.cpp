#include "segmenter.hpp"

#include <algorithm>

namespace prot::capture {

using wire::kMicWindow;

Segmenter::Segmenter(const SegmenterOptions& options) noexcept : options_(options) {
  options_.confirm = std::max(options_.confirm, 1U);
  options_.pause = std::min(options_.pause, options_.end);
}

std::size_t Segmenter::reach() const noexcept {
  return options_.pre_roll + std::size_t{options_.confirm} * (kGap + 1);
}

bool Segmenter::too_short() const noexcept {
  return !segment_.confirmed && segment_.speech_windows < options_.confirm + 2;
}

void Segmenter::forget_stretch() noexcept { stretch_ = gap_ = stretch_length_ = 0; }

void Segmenter::close() noexcept {
  emit(too_short() ? SegmentEvent::kDiscard : SegmentEvent::kEnd);
  state_ = State::kQuiet;
  not_before_ = segment_.speech_end;
  forget_stretch();
}

void Segmenter::add_speech(std::uint64_t first_sample, unsigned windows) noexcept {
  segment_.speech_windows += windows;
  segment_.speech_end = first_sample + kMicWindow;
  silence_ = 0;
  counted_ = true;
  if (segment_.confirmed || segment_.speech_windows < options_.barge_in) return;
  segment_.confirmed = true;
  emit(SegmentEvent::kConfirm);
}

std::span<const SegmentEvent> Segmenter::step(std::uint64_t first_sample, float probability,
                                              float threshold) noexcept {
  event_count_ = 0;
  counted_ = false;
  speech_ = probability >= (speech_ ? threshold - kHysteresis : threshold);
  ++length_;
  switch (state_) {
    case State::kQuiet:
      quiet(first_sample, speech_);
      break;
    case State::kSpeaking:
      speaking(first_sample, speech_);
      break;
    case State::kPaused:
      paused(first_sample, speech_);
      break;
  }
  if (open() && length_ >= options_.longest) close();
  return {events_.data(), event_count_};
}

std::span<const SegmentEvent> Segmenter::finish() noexcept {
  event_count_ = 0;
  if (open()) close();
  forget_stretch();
  speech_ = counted_ = false;
  return {events_.data(), event_count_};
}

void Segmenter::quiet(std::uint64_t first_sample, bool speech) noexcept {
  if (stretch_ > 0) ++stretch_length_;
  if (!speech) {
    if (stretch_ > 0 && ++gap_ > kGap) forget_stretch();
    return;
  }
  if (stretch_++ == 0) {
    stretch_begin_ = first_sample;
    stretch_length_ = 1;
  }
  gap_ = 0;
  if (stretch_ < options_.confirm) return;

  const std::uint64_t pre_roll = std::uint64_t{options_.pre_roll} * kMicWindow;
  segment_ = Segment{};
  segment_.speech_begin = stretch_begin_;
  segment_.first = std::max(not_before_, stretch_begin_ > pre_roll ? stretch_begin_ - pre_roll : 0);
  state_ = State::kSpeaking;
  length_ = stretch_length_;
  emit(SegmentEvent::kStart);
  add_speech(first_sample, stretch_);
  forget_stretch();
}

void Segmenter::speaking(std::uint64_t first_sample, bool speech) noexcept {
  if (speech) {
    add_speech(first_sample, 1);
    return;
  }
  if (++silence_ < options_.pause) return;
  if (too_short() || silence_ >= options_.end) {
    close();
    return;
  }
  state_ = State::kPaused;
  emit(SegmentEvent::kPause);
}

void Segmenter::paused(std::uint64_t first_sample, bool speech) noexcept {
  ++silence_;
  if (speech) {
    gap_ = 0;
    if (++stretch_ < kResume) return;
    state_ = State::kSpeaking;
    emit(SegmentEvent::kResume);
    add_speech(first_sample, stretch_);
    forget_stretch();
    return;
  }
  if (stretch_ > 0 && ++gap_ > kGap) forget_stretch();
  if (silence_ >= options_.end) close();
}

}  // namespace prot::capture
