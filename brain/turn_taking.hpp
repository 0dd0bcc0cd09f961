#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "ipc/board.hpp"

namespace prot::brain {

using State = ipc::ConversationState;

/// What moves the conversation.
enum class TurnEvent : std::uint8_t {
  kSpeech,       // the person began to speak
  kSilence,      // it was no speech, or nothing was understood; nothing was being talked about
  kSilenceTalk,  // the same within a conversation; the interruption was only "stop"
  kUtterance,    // the person's turn is complete
  kAudible,      // the reply's first sample is at the loudspeaker
  kReplyDone,    // the reply was heard to its end
  kToolRound,    // the model works on while it speaks
  kFailed,       // the reply failed, its notice included
  kBargeIn,      // the person interrupts
  kListen,       // the interruption took effect
  kTimeout,      // nobody said anything for a while
};
inline constexpr std::size_t kTurnEvents = 11;
inline constexpr std::size_t kStates = 6;
[[nodiscard]] const char* to_string(TurnEvent event) noexcept;

/// The whole machine. kNo: refused.
struct TransitionTable {
  static constexpr std::uint8_t kNo = 0xFF;
  static constexpr std::uint8_t kIdle = 0, kListening = 1, kProcessing = 2, kSpeaking = 3, kActive = 4,
                                kInterrupted = 5;
  // clang-format off
  static constexpr std::array<std::array<std::uint8_t, kStates>, kTurnEvents> kNext = {{
    // from:          idle         listening    processing    speaking      active       interrupted
    /* kSpeech      */ {kListening, kNo,         kNo,          kNo,          kListening,  kNo},
    /* kSilence     */ {kNo,        kIdle,       kNo,          kNo,          kNo,         kNo},
    /* kSilenceTalk */ {kNo,        kActive,     kNo,          kNo,          kNo,         kActive},
    /* kUtterance   */ {kNo,        kProcessing, kNo,          kNo,          kNo,         kNo},
    /* kAudible     */ {kNo,        kNo,         kSpeaking,    kNo,          kNo,         kNo},
    /* kReplyDone   */ {kNo,        kNo,         kActive,      kActive,      kNo,         kNo},
    /* kToolRound   */ {kNo,        kNo,         kNo,          kProcessing,  kNo,         kNo},
    /* kFailed      */ {kNo,        kNo,         kActive,      kActive,      kNo,         kNo},
    /* kBargeIn     */ {kNo,        kNo,         kInterrupted, kInterrupted, kNo,         kNo},
    /* kListen      */ {kNo,        kNo,         kNo,          kNo,          kNo,         kListening},
    /* kTimeout     */ {kNo,        kNo,         kNo,          kNo,          kIdle,       kNo},
  }};
  // clang-format on
};

/// The conversation's state. An illegal transition is refused, counted and reported, never taken silently.
/// One thread. `entered` runs after each change.
class TurnTaking {
 public:
  explicit TurnTaking(std::function<void(State)> entered = {}, State start = State::kIdle);

  /// False: refused; nothing changed.
  bool on(TurnEvent event);
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool is(State state) const noexcept { return state_ == state; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  /// A restarted brain takes up the state in which its predecessor died.
  void restore(State state);

 private:
  std::function<void(State)> entered_;
  State state_;
  std::uint64_t refused_ = 0;
};

}  // namespace prot::brain
