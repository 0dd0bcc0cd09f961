#pragma once

#include <optional>

#include "wire/pause_words.hpp"

namespace prot::capture {

/// In windows of 32 ms.
struct TurnWaitSettings {
  unsigned shortest = 10;  // the turn is surely over
  unsigned usual = 23;     // nothing is known of the person, nor of this pause
  unsigned longest = 47;   // the turn surely goes on
};

/// What is known of a person's pauses, for a successor. Both 0: nothing yet.
struct LearnedPauses {
  unsigned mean_ms = 0;
  unsigned deviation_ms = 0;
};

/// How long a silence must last to end the turn, counted from the end of speech.
///
///   words before the pause | model's probability   | wait
///   complete               | above kOpen, or none  | shortest
///   complete               | kOpen or less         | usual
///   go on                  | any                   | longest
///   unknown                | kEven or more         | usual
///   unknown                | between               | in a straight line from the longest to the usual
///   unknown                | kOpen or less         | longest
///   unknown                | none: not asked       | usual
///   unknown                | none yet              | usual, and at least kModelWait
/// A model that hears no words is never believed that a turn is over: it says so of a third of all pauses.
/// While the words are on their way, the wait is at least kWordsWait.
/// The usual wait is learned: the exponential average of the pauses within this person's turns plus twice
/// their exponential mean deviation, within the bounds. A pause that ended the turn by mistake counts, too.
/// Pure logic. Not thread-safe. RT safe. Invariant: shortest <= windows() <= longest.
class TurnWait {
 public:
  static constexpr float kEven = 0.5F;
  static constexpr float kOpen = 0.2F;
  static constexpr unsigned kModelWait = 16;      // windows; on a machine that is full its answer comes late
  static constexpr unsigned kWordsWait = 30;      // windows; a recogniser that is slower is not waited for
  static constexpr float kRate = 0.2F;            // weight of the newest pause
  static constexpr float kLeastDeviation = 1.5F;  // a few even pauses promise nothing

  explicit TurnWait(const TurnWaitSettings& settings) noexcept;

  /// Silence began, or a turn: nothing is known of it yet. `asked`: the model will judge; `words`: they will
  /// be recognised.
  void begin(bool asked, bool words) noexcept;
  /// The model says how likely the turn is over.
  void judge(float probability) noexcept;
  /// The model will not.
  void give_up_asking() noexcept { asked_ = false; }
  /// The words before the pause are there.
  void read(wire::Ending ending) noexcept;
  /// So many windows of silence were only a pause.
  void learn(unsigned pause) noexcept;

  [[nodiscard]] unsigned windows() const noexcept;
  [[nodiscard]] std::optional<float> probability() const noexcept { return probability_; }
  [[nodiscard]] std::optional<wire::Ending> words() const noexcept { return words_; }
  /// The learned wait, before any grading.
  [[nodiscard]] unsigned usual() const noexcept;

  [[nodiscard]] LearnedPauses learned() const noexcept;
  void restore(const LearnedPauses& learned) noexcept;

 private:
  [[nodiscard]] unsigned graded() const noexcept;
  [[nodiscard]] float clamped(float windows) const noexcept;

  TurnWaitSettings settings_;
  bool asked_ = false;
  bool words_to_come_ = false;
  std::optional<wire::Ending> words_;
  std::optional<float> probability_;
  bool has_learned_ = false;
  float average_;
  float deviation_;
};

}  // namespace prot::capture
