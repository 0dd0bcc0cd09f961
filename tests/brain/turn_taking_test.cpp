#include "brain/turn_taking.hpp"

#include <doctest/doctest.h>

#include <map>
#include <vector>

using prot::brain::State;
using prot::brain::TurnEvent;
using prot::brain::TurnTaking;

// Written out a second time on purpose: the table in the header must say just this.
static const std::map<std::pair<TurnEvent, State>, State> kLegal = {
    {{TurnEvent::kSpeech, State::kIdle}, State::kListening},
    {{TurnEvent::kSpeech, State::kActive}, State::kListening},
    {{TurnEvent::kSilence, State::kListening}, State::kIdle},
    {{TurnEvent::kSilenceTalk, State::kListening}, State::kActive},
    {{TurnEvent::kSilenceTalk, State::kInterrupted}, State::kActive},
    {{TurnEvent::kUtterance, State::kListening}, State::kProcessing},
    {{TurnEvent::kAudible, State::kProcessing}, State::kSpeaking},
    {{TurnEvent::kReplyDone, State::kProcessing}, State::kActive},
    {{TurnEvent::kReplyDone, State::kSpeaking}, State::kActive},
    {{TurnEvent::kToolRound, State::kSpeaking}, State::kProcessing},
    {{TurnEvent::kFailed, State::kProcessing}, State::kActive},
    {{TurnEvent::kFailed, State::kSpeaking}, State::kActive},
    {{TurnEvent::kBargeIn, State::kProcessing}, State::kInterrupted},
    {{TurnEvent::kBargeIn, State::kSpeaking}, State::kInterrupted},
    {{TurnEvent::kListen, State::kInterrupted}, State::kListening},
    {{TurnEvent::kTimeout, State::kActive}, State::kIdle},
};

TEST_CASE("every pair of state and event goes where the table says, or is refused and counted") {
  std::size_t legal = 0;
  for (std::size_t e = 0; e < prot::brain::kTurnEvents; ++e) {
    for (std::uint32_t s = 0; s < prot::brain::kStates; ++s) {
      const auto event = static_cast<TurnEvent>(e);
      const auto from = static_cast<State>(s);
      std::vector<State> entered;
      TurnTaking machine([&](State state) { entered.push_back(state); }, from);
      const auto expected = kLegal.find({event, from});
      CAPTURE(to_string(event));
      CAPTURE(to_string(from));
      if (expected == kLegal.end()) {
        CHECK_FALSE(machine.on(event));
        CHECK(machine.state() == from);
        CHECK(machine.refused() == 1);
        CHECK(entered.empty());
      } else {
        ++legal;
        CHECK(machine.on(event));
        CHECK(machine.state() == expected->second);
        CHECK(machine.refused() == 0);
        CHECK(entered == std::vector<State>{expected->second});
      }
    }
  }
  CHECK(legal == kLegal.size());
}
