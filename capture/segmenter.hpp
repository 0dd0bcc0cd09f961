#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/speech_in.hpp"

namespace prot::capture {

/// Counted in windows of 512 samples (32 ms); see windows_of().
struct SegmenterOptions {
  unsigned confirm = 3;    // windows of speech that start a segment
  unsigned barge_in = 6;   // windows of speech that confirm it
  unsigned pre_roll = 8;   // windows from before the speech
  unsigned lull = 2;       // windows of silence behind which what was said is worth a guess
  unsigned pause = 6;      // windows of silence that make a pause
  unsigned end = 23;       // windows of silence that end the turn, unless wait_for() says otherwise
  unsigned longest = 875;  // windows from the speech's begin at which the segment is ended
};

/// Milliseconds as the nearest number of windows, at least 1.
[[nodiscard]] constexpr unsigned windows_of(long ms) noexcept {
  const long half = wire::kMicWindow * 500L / wire::kMicRate;
  const long windows = (ms + half) * wire::kMicRate / (wire::kMicWindow * 1000L);
  return windows < 1 ? 1U : static_cast<unsigned>(windows);
}

enum class SegmentEvent : std::uint8_t { kStart, kConfirm, kLull, kPause, kResume, kEnd, kDiscard };

/// The segment that is open, or was last. Sample indices on capture's sample clock.
struct Segment {
  std::uint64_t first = 0;         // of the pre-roll
  std::uint64_t speech_begin = 0;  // first sample of the first window of speech
  std::uint64_t speech_end = 0;    // behind the last window of speech: the anchor of pause and end
  std::uint64_t silence = 0;       // samples between its newest speech and the speech before that, which may
                                   // be the last segment's
  unsigned speech_windows = 0;
  unsigned lulls = 0;
  unsigned pauses = 0;
  bool confirmed = false;
  bool capped = false;  // it was ended for its length
};

/// Cuts the stream of windows into the person's turns. Pure logic: no clock, no samples, no allocation.
/// Not thread-safe. RT safe.
///
///   state    | window                                  | event                | next
///   quiet    | speech, fewer than `confirm` so far     | -                    | quiet
///   quiet    | speech, the `confirm`th                 | kStart               | speaking
///   quiet    | silence, the kGap+1st in a row          | - (count starts new) | quiet
///   speaking | speech, the `barge_in`th of the segment | kConfirm             | speaking
///   speaking | silence, the `lull`th, enough said      | kLull                | speaking
///   speaking | silence, the `pause`th, too little said | kDiscard             | quiet
///   speaking | silence, the `pause`th                  | kPause               | paused
///   paused   | speech, the kResume-th                  | kResume              | speaking
///   paused   | silence, the `end`th                    | kEnd                 | quiet
///   open     | the `longest`th of the segment          | kEnd                 | quiet, or sated
///   open     | finish(): drain or lost device          | kEnd or kDiscard     | quiet
///   sated    | silence, the `pause`th in a row         | -                    | quiet
///   sated    | the last of the rest                    | -                    | quiet
///
/// Open is speaking or paused. Speech is counted with gaps of up to kGap windows (an echo canceller, a stop
/// consonant), never as an unbroken run. Silence and length are counted by sample index from the last and the
/// first window of speech, so that neither the detector's delay nor lost windows eat of them. In a pause one
/// lone window of speech (a click) does not take the pause back.
/// A pause has a lull before it, in the same window at the latest.
/// Too little said: fewer than `confirm` + 2 windows and not confirmed.
/// Nobody speaks for `longest` windows without a single pause: that is noise. Behind such a segment the
/// segmenter is sated: nothing begins before a pause, or a rest of `longest` windows, twice as many each time
/// up to kLongestRest times. A segment with pauses that becomes too long is a person's: the next one begins
/// at once.
class Segmenter {
 public:
  static constexpr unsigned kGap = 4;
  static constexpr unsigned kResume = 2;
  static constexpr unsigned kLongestRest = 8;
  static constexpr float kHysteresis = 0.15F;

  explicit Segmenter(const SegmenterOptions& options) noexcept;

  /// Takes the next window. The events, in order; valid until the next call.
  /// REQUIRES: first_sample is at least the last one + 512.
  std::span<const SegmentEvent> step(std::uint64_t first_sample, float probability, float threshold) noexcept;
  /// From now on, and until the next segment begins, this many windows of silence end the turn.
  void wait_for(unsigned windows) noexcept;
  /// Closes what is open, as if the silence had lasted.
  std::span<const SegmentEvent> finish() noexcept;

  [[nodiscard]] bool open() const noexcept { return state_ == State::kSpeaking || state_ == State::kPaused; }
  [[nodiscard]] bool paused() const noexcept { return state_ == State::kPaused; }
  [[nodiscard]] const Segment& segment() const noexcept { return segment_; }
  /// Windows since the segment's last speech.
  [[nodiscard]] unsigned silence() const noexcept { return silence_; }
  /// Did the last window count as speech of the segment (and so take a guess back)?
  [[nodiscard]] bool counted() const noexcept { return counted_; }
  /// Was the last window speech by its probability alone?
  [[nodiscard]] bool speech() const noexcept { return speech_; }
  /// Windows before the newest that a segment may reach back to.
  [[nodiscard]] std::size_t reach() const noexcept;

 private:
  enum class State : std::uint8_t { kQuiet, kSpeaking, kPaused, kSated };

  void quiet(std::uint64_t first_sample, bool speech) noexcept;
  void speaking(std::uint64_t first_sample, bool speech) noexcept;
  void paused(std::uint64_t first_sample, bool speech) noexcept;
  void sated(std::uint64_t first_sample, bool speech) noexcept;
  void add_speech(std::uint64_t first_sample, unsigned windows) noexcept;
  void close() noexcept;
  void cap(std::uint64_t now) noexcept;
  void forget_stretch() noexcept;
  void emit(SegmentEvent event) noexcept { events_[event_count_++] = event; }
  [[nodiscard]] bool too_short() const noexcept;

  SegmenterOptions options_;
  State state_ = State::kQuiet;
  Segment segment_;
  unsigned end_;          // windows of silence that end this turn
  bool speech_ = false;   // the last window, by its probability
  bool counted_ = false;  // see counted()
  unsigned stretch_ = 0;  // windows of speech that are not yet a segment's
  unsigned gap_ = 0;      // windows of silence since the last of them
  unsigned silence_ = 0;  // see silence()
  bool in_lull_ = false;  // kLull was told of this silence
  std::uint64_t stretch_begin_ = 0;
  std::uint64_t not_before_ = 0;  // no sample of speech is in two segments
  unsigned rests_ = 1;            // of the next rest, in `longest`
  std::uint64_t rest_end_ = 0;
  std::array<SegmentEvent, 4> events_{};
  std::size_t event_count_ = 0;
};

}  // namespace prot::capture
