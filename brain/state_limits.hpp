#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "turn_taking.hpp"

namespace prot::brain {

/// What the conversation waits for in its state.
enum class Watch : std::uint8_t {
  kNothing,
  kSpeechEnd,    // capture: the end of the utterance
  kTranscript,   // stt: its words
  kModel,        // the model's first or next word
  kFirstSample,  // tts and player: the reply's first sample, when the model has said all
  kPlayback,     // tts and player: progress
  kCutAt,        // player: its last word on a cancelled reply
  kPerson,       // the next words
};
inline constexpr std::size_t kWatches = 8;

/// What is done when it does not come.
enum class Remedy : std::uint8_t {
  kNone,
  kAskAgain,  // "I didn't catch that", when something was said; else silence
  kExcuse,    // the reply ends with a notice: the model cannot be reached
  kSayAgain,  // the reply is given up; the voice is tried once more with a notice
  kSettle,    // what was heard is taken from the board
  kRest,      // idle: nothing is wrong
};

struct StateLimit {
  State state;
  Watch watch;
  Nanos limit;
  Remedy remedy;
  const char* message;  // of the log
};

/// The watchdog of each state: there is none in which the conversation could stay for ever but idle. A limit
/// counts from the last sign of progress. It is far above what a healthy stage needs, and behind that stage's
/// own time limits.
inline constexpr std::array<StateLimit, 9> kStateLimits = {{
    // clang-format off
    // state              waits for            at most             then
    {State::kIdle,        Watch::kNothing,     kNever,             Remedy::kNone,     ""},
    {State::kListening,   Watch::kSpeechEnd,   80 * kSecond,       Remedy::kAskAgain, "no end of speech"},
    {State::kListening,   Watch::kTranscript,  25 * kSecond,       Remedy::kAskAgain, "no transcript"},
    {State::kProcessing,  Watch::kModel,       45 * kSecond,       Remedy::kExcuse,   "the model is silent"},
    {State::kProcessing,  Watch::kFirstSample, 20 * kSecond,       Remedy::kSayAgain, "nothing is audible"},
    {State::kSpeaking,    Watch::kModel,       45 * kSecond,       Remedy::kExcuse,   "the model stopped"},
    {State::kSpeaking,    Watch::kPlayback,    20 * kSecond,       Remedy::kSayAgain, "the player stopped"},
    {State::kActive,      Watch::kPerson,      30 * kSecond,       Remedy::kRest,     "nobody speaks"},
    {State::kInterrupted, Watch::kCutAt,       200 * kMillisecond, Remedy::kSettle,   "no cut-at"},
    // clang-format on
}};

/// The row of a state and what it waits for; null: there is none.
[[nodiscard]] constexpr const StateLimit* find_limit(State state, Watch watch) noexcept {
  for (const StateLimit& row : kStateLimits)
    if (row.state == state && row.watch == watch) return &row;
  return nullptr;
}
[[nodiscard]] const char* to_string(Watch watch) noexcept;

/// Tells when a state has lasted too long. The table above, with the limits of this configuration. Knows no
/// clock. One thread.
class Watchdogs {
 public:
  void set_limit(Watch watch, Nanos limit) noexcept { limits_[static_cast<std::size_t>(watch)] = limit; }

  /// When `state` has waited too long for `watch`, since `since`; kNever: it may wait for ever.
  [[nodiscard]] Nanos deadline(State state, Watch watch, Nanos since) const noexcept;
  /// The row whose limit is over at `now`, counted by its state; null: none is.
  const StateLimit* fire(State state, Watch watch, Nanos since, Nanos now) noexcept;
  /// Of a state: how often something was wrong. kRest and a cut that was settled in time count not.
  [[nodiscard]] std::uint64_t fired(State state) const noexcept {
    return fired_[static_cast<std::size_t>(state)];
  }

 private:
  std::array<Nanos, kWatches> limits_{};  // 0: as in the table
  std::array<std::uint64_t, kStates> fired_{};
};

}  // namespace prot::brain
