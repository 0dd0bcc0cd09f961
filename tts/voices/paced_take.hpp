#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "synthesizer.hpp"
#include "word_timing.hpp"

namespace prot::tts {

/// How fast a voice speaks, learned from what it has said. A value; not thread-safe.
class Pace {
 public:
  /// Of one unit of letter_weight().
  [[nodiscard]] double seconds() const noexcept { return seconds_; }
  void learn(double weight, double seconds) noexcept;

 private:
  // 14 letters of English, 4.5 syllables of Korean a second: rather a word twice than none.
  double seconds_ = 0.07;
};

/// What has come of one segment from a service that gives no times: bytes of 16-bit samples, split anywhere,
/// into pieces of a voice. Words end where the voice's pace says; the last one where the sound does. Not
/// thread-safe. Invariants: alignment rises, comes before the samples that it is about, and is never beyond
/// them. Lifetime: `pace` must outlive it.
class PacedTake {
 public:
  PacedTake(const std::string& text, Nanos began, Pace& pace);

  /// False: nothing can be made of such samples. Once, before the first of them.
  [[nodiscard]] bool set_format(std::int64_t rate, std::int64_t channels);
  /// `at`: when it came. REQUIRES: a format.
  void take(std::string_view bytes, Nanos at, std::deque<Piece>& out);
  /// Nothing more comes: what is missing of the alignment, and kDone.
  void finish(std::deque<Piece>& out);
  [[nodiscard]] bool has_format() const noexcept { return rate_ != 0; }
  [[nodiscard]] bool has_audio() const noexcept { return samples_ > 0; }
  [[nodiscard]] Piece piece(Piece::Kind kind) const;

 private:
  struct TimedWord {
    std::uint32_t end_byte;
    double weight;
    double pause;  // behind it
  };
  [[nodiscard]] std::vector<wire::AlignPoint> align(std::uint64_t until);

  Pace* pace_;
  Nanos began_;
  Nanos first_audio_ = 0;
  unsigned rate_ = 0;
  unsigned channels_ = 1;
  std::vector<TimedWord> words_;
  std::size_t next_ = 0;  // of words_: not aligned yet
  double weight_ = 0;     // of those before it
  double all_ = 0;        // of all of them
  std::uint32_t text_bytes_;
  std::uint64_t samples_ = 0;
  std::string rest_;  // a frame that is not complete
};

}  // namespace prot::tts
