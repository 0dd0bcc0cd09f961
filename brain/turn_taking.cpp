#include "turn_taking.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::brain {

static_assert(static_cast<std::uint8_t>(State::kIdle) == TransitionTable::kIdle &&
              static_cast<std::uint8_t>(State::kListening) == TransitionTable::kListening &&
              static_cast<std::uint8_t>(State::kProcessing) == TransitionTable::kProcessing &&
              static_cast<std::uint8_t>(State::kSpeaking) == TransitionTable::kSpeaking &&
              static_cast<std::uint8_t>(State::kActive) == TransitionTable::kActive &&
              static_cast<std::uint8_t>(State::kInterrupted) == TransitionTable::kInterrupted);
static_assert(static_cast<std::size_t>(TurnEvent::kTimeout) + 1 == kTurnEvents);

const char* to_string(TurnEvent event) noexcept {
  constexpr std::array<const char*, kTurnEvents> kNames = {
      "speech",     "silence", "silence in a talk", "utterance", "audible", "reply done",
      "tool round", "failed",  "barge-in",          "listen",    "timeout"};
  return kNames[static_cast<std::size_t>(event)];
}

TurnTaking::TurnTaking(std::function<void(State)> entered, State start)
    : entered_(std::move(entered)), state_(start) {}

bool TurnTaking::on(TurnEvent event) {
  const std::uint8_t next =
      TransitionTable::kNext[static_cast<std::size_t>(event)][static_cast<std::size_t>(state_)];
  if (next == TransitionTable::kNo) {
    ++refused_;
    log_warn("refused: '{}' while {}", to_string(event), ipc::to_string(state_));
    return false;
  }
  restore(static_cast<State>(next));
  return true;
}

void TurnTaking::restore(State state) {
  state_ = state;
  if (entered_) entered_(state);
}

}  // namespace prot::brain
