#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "prompt.hpp"

namespace prot::brain {

/// When prot says that it takes longer: while somebody works on an answer, the person hears something every
/// `wait`. Also of an utterance whose words are still to come, which is then owed an answer. One thread, no
/// clock of its own.
class Patience {
 public:
  /// 0: nothing is ever said.
  explicit Patience(Nanos wait) : wait_(wait) {}

  /// The person's words are known: a wait of its own begins, unless they waited for these already.
  void begin(std::uint32_t utterance) noexcept {
    if (utterance != owed_) told_ = 0;
    owed_ = 0;
  }
  /// All that was given to the voice is over.
  void quiet(Nanos now) noexcept { quiet_since_ = now; }
  /// When the next notice is due, to somebody who fell silent at `since`; not before `earliest`.
  [[nodiscard]] Nanos due(Nanos since, Nanos earliest) const noexcept {
    return wait_ == 0 ? kNever : std::max({since + wait_, quiet_since_ + wait_, earliest});
  }
  /// The same for the first one, of a tool that was called at `since`.
  [[nodiscard]] Nanos first_due(Nanos since, Nanos wait) const noexcept {
    return told_ > 0 ? kNever : std::max(since, quiet_since_) + wait;
  }
  /// What is said now.
  [[nodiscard]] Notice next() noexcept { return told_++ == 0 ? Notice::kOneMoment : Notice::kStillThinking; }

  /// It was said to somebody whose words are not known yet.
  void owe(std::uint32_t utterance) noexcept { owed_ = utterance; }
  [[nodiscard]] bool owes(std::uint32_t utterance) const noexcept {
    return utterance != 0 && owed_ == utterance;
  }
  /// They never came.
  void give_up() noexcept { owed_ = 0; }

 private:
  Nanos wait_;
  Nanos quiet_since_ = 0;
  std::uint32_t owed_ = 0;  // utterance; 0: none
  int told_ = 0;            // in this wait
};

}  // namespace prot::brain
