#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "backchannels.hpp"
#include "base/clock.hpp"
#include "turn_journal.hpp"

namespace prot::brain {

/// What the words of somebody are worth who spoke while prot spoke or thought: a turn of their own, or not.
/// It depends on what prot had said, and on what the same utterance has done already. One thread.
///
///   words       | spoken into a reply                              | spoken into silence
///   backchannel | no turn, unless it cancelled the reply, or the   | a turn
///               | reply was a question that was heard              |
///   stop        | no turn                                          | no turn in the first 2 s, then one
///   nothing     | no turn when the utterance said "stop" before    | as below
class Interjections {
 public:
  explicit Interjections(Backchannels lists) : lists_(std::move(lists)) {}

  /// `speaking`: the reply under way; null: there is none.
  [[nodiscard]] Words judge(std::string_view text, const TurnRecord* speaking) const;
  /// No reply is under way: do the words begin a turn?
  [[nodiscard]] bool is_turn(std::uint32_t utterance, Words words, Nanos speech_start) const noexcept;

  /// This utterance has cancelled the reply; `silenced`: by a stop word.
  void cancelled(std::uint32_t utterance, bool silenced) noexcept;
  /// The reply is over.
  void reply_over(const TurnRecord& record, Nanos now);
  /// The last reply was cancelled by a stop word, and nothing is to follow.
  [[nodiscard]] bool silenced() const noexcept { return stopped_ != 0 && stopped_ == canceller_; }
  /// It said "stop": whatever it does afterwards is no new beginning, until its words are known.
  [[nodiscard]] bool has_stopped(std::uint32_t utterance) const noexcept {
    return utterance != 0 && utterance == stopped_;
  }

 private:
  Backchannels lists_;
  std::uint32_t canceller_ = 0;
  std::uint32_t stopped_ = 0;
  Nanos over_ = 0;      // of the last reply
  bool asked_ = false;  // it was a question, and heard
};

/// Everything has been said, a question at the end, and all of it was heard but perhaps the last word.
[[nodiscard]] bool question_was_heard(const TurnRecord& record);

}  // namespace prot::brain
