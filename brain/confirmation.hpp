#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "language_model.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// A call of the model that is not made before a person agrees.
struct OpenCall {
  ToolCall call;
  Consent consent;
  /// What prot says: the matter, then a question.
  [[nodiscard]] std::string question(std::string_view language) const;
  /// The question behind the matter.
  [[nodiscard]] static std::string_view ask(std::string_view language) noexcept;
};

/// Is it a yes, and nothing else? "Yes, please", "네, 열어 줘". Compared are words as text::words() makes
/// them, Hangul without its spaces. `about`: words of the matter that may be repeated beside the yes. Pure.
[[nodiscard]] bool says_yes(std::string_view text, const std::vector<std::string>& about = {});

/// What waits for a person's yes in one conversation: a lock, an alarm. The model cannot answer it; only what
/// a person says does, and whatever is no clear yes drops it.
///
///   state | event                                              -> state | what the caller does
///   none  | ask()                                              -> asked | says the question
///   asked | heard(): the matter was heard                      -> heard |
///   asked | a yes: to what was not heard                       -> asked | says the question again, once
///   heard | a yes within kTime                                 -> none  | makes the call, once
///   any   | other words, a stop word, time over, a new ask()   -> none  | nothing; the words are a turn
///
/// An interruption leaves it as it is, a sound without words too: what counts is what is said next. It does
/// not outlive its process: a restarted brain asks again when the model calls again. One thread.
class Confirmation {
 public:
  static constexpr Nanos kTime = 20 * kSecond;    // for the answer, from when the question was heard
  static constexpr Nanos kToHear = 60 * kSecond;  // for the question
  enum class State : std::uint8_t { kNone, kAsked, kHeard };
  enum class Answer : std::uint8_t { kNone, kYes, kAgain, kDropped };
  /// Told of every step: "asked", "heard", "yes", "again", "dropped", and the matter.
  using Tell = std::function<void(std::string_view step, std::string_view matter)>;

  explicit Confirmation(Tell tell) : tell_(std::move(tell)) {}

  void ask(OpenCall call, Nanos now);
  void heard(Nanos now);
  /// Words that a person began to say at `said`. After kYes: take().
  [[nodiscard]] Answer judge(std::string_view words, Nanos said);
  [[nodiscard]] OpenCall take();
  void drop();
  /// Drops what took too long.
  void tick(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept { return state_ == State::kNone ? kNever : until_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  /// REQUIRES: state() is not none.
  [[nodiscard]] const OpenCall& open() const noexcept { return *open_; }

 private:
  void end(std::string_view step);

  Tell tell_;
  State state_ = State::kNone;
  std::optional<OpenCall> open_;
  Nanos until_ = kNever;
  bool asked_again_ = false;
};

}  // namespace prot::brain
