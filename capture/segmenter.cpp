#include "segmenter.hpp"

#include <algorithm>

namespace prot::capture {
namespace {

using wire::kMicWindow;

constexpr unsigned windows_between(std::uint64_t from, std::uint64_t to) noexcept {
  return to > from ? static_cast<unsigned>((to - from) / kMicWindow) : 0;
}

}  // namespace

Segmenter::Segmenter(const SegmenterOptions& options) noexcept : options_(options), end_(options.end) {
  options_.confirm = std::max(options_.confirm, 1U);
  options_.pause = std::min(options_.pause, options_.end);
  options_.lull = std::min(options_.lull, options_.pause);
}

std::size_t Segmenter::reach() const noexcept {
  return options_.pre_roll + std::size_t{options_.confirm} * (kGap + 1);
}

bool Segmenter::too_short() const noexcept {
  return !segment_.confirmed && segment_.speech_windows < options_.confirm + 2;
}

void Segmenter::forget_stretch() noexcept { stretch_ = gap_ = 0; }

void Segmenter::wait_for(unsigned windows) noexcept { end_ = std::max(windows, options_.pause); }

void Segmenter::close() noexcept {
  emit(too_short() ? SegmentEvent::kDiscard : SegmentEvent::kEnd);
  state_ = State::kQuiet;
  not_before_ = segment_.speech_end;
  forget_stretch();
}

void Segmenter::cap(std::uint64_t now) noexcept {
  segment_.capped = true;
  close();
  if (segment_.pauses > 0) return;
  state_ = State::kSated;
  rest_end_ = now + std::uint64_t{rests_} * options_.longest * kMicWindow;
  rests_ = std::min(rests_ * 2, kLongestRest);
}

void Segmenter::add_speech(std::uint64_t first_sample, unsigned windows) noexcept {
  segment_.speech_windows += windows;
  segment_.speech_end = first_sample + kMicWindow;
  silence_ = 0;
  in_lull_ = false;
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
  const std::uint64_t now = first_sample + kMicWindow;
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
    case State::kSated:
      sated(first_sample, speech_);
      break;
  }
  if (open() && windows_between(segment_.speech_begin, now) >= options_.longest) cap(now);
  return {events_.data(), event_count_};
}

std::span<const SegmentEvent> Segmenter::finish() noexcept {
  event_count_ = 0;
  if (open()) close();
  state_ = State::kQuiet;
  rests_ = 1;
  forget_stretch();
  speech_ = counted_ = false;
  return {events_.data(), event_count_};
}

void Segmenter::quiet(std::uint64_t first_sample, bool speech) noexcept {
  if (!speech) {
    if (stretch_ > 0 && ++gap_ > kGap) forget_stretch();
    return;
  }
  if (stretch_++ == 0) stretch_begin_ = first_sample;
  gap_ = 0;
  if (stretch_ < options_.confirm) return;

  const std::uint64_t pre_roll = std::uint64_t{options_.pre_roll} * kMicWindow;
  const std::uint64_t silence = stretch_begin_ - segment_.speech_end;
  segment_ = Segment{};
  segment_.speech_begin = stretch_begin_;
  segment_.first = std::max(not_before_, stretch_begin_ > pre_roll ? stretch_begin_ - pre_roll : 0);
  segment_.silence = silence;
  end_ = options_.end;
  state_ = State::kSpeaking;
  emit(SegmentEvent::kStart);
  add_speech(first_sample, stretch_);
  forget_stretch();
}

void Segmenter::speaking(std::uint64_t first_sample, bool speech) noexcept {
  if (speech) {
    add_speech(first_sample, 1);
    return;
  }
  silence_ = windows_between(segment_.speech_end, first_sample + kMicWindow);
  if (silence_ >= options_.lull && !in_lull_ && !too_short()) {
    in_lull_ = true;
    ++segment_.lulls;
    emit(SegmentEvent::kLull);
  }
  if (silence_ < options_.pause) return;
  if (too_short()) {
    close();
    return;
  }
  state_ = State::kPaused;
  ++segment_.pauses;
  rests_ = 1;
  emit(SegmentEvent::kPause);
}

void Segmenter::paused(std::uint64_t first_sample, bool speech) noexcept {
  silence_ = windows_between(segment_.speech_end, first_sample + kMicWindow);
  if (speech) {
    gap_ = 0;
    if (stretch_++ == 0) stretch_begin_ = first_sample;
    if (stretch_ < kResume) return;
    state_ = State::kSpeaking;
    segment_.silence = stretch_begin_ - segment_.speech_end;
    emit(SegmentEvent::kResume);
    add_speech(first_sample, stretch_);
    forget_stretch();
    return;
  }
  if (stretch_ > 0 && ++gap_ > kGap) forget_stretch();
  if (silence_ >= end_) close();
}

void Segmenter::sated(std::uint64_t first_sample, bool speech) noexcept {
  gap_ = speech ? 0 : gap_ + 1;
  if (gap_ < options_.pause && first_sample + kMicWindow < rest_end_) return;
  if (gap_ >= options_.pause) rests_ = 1;
  state_ = State::kQuiet;
  forget_stretch();
}

}  // namespace prot::capture
