// The tables: states, back-off.
#include <doctest/doctest.h>

#include "program_state.hpp"
#include "restart_policy.hpp"

namespace prot::supervisor {
namespace {

constexpr State kStates[] = {State::kDown,    State::kStarting, State::kReady, State::kStopping,
                             State::kBackoff, State::kFailed,   State::kHeld,  State::kDone};

TEST_CASE("a stop leads to no process from every state") {
  for (State state : kStates) {
    if (state == State::kHeld || state == State::kDone) continue;  // theirs ends by itself; it has ended
    State now = transition(state, Event::kStop).next;
    for (const Event event : {Event::kDeadline, Event::kExit}) now = transition(now, event).next;
    CHECK_FALSE(has_process(now));
  }
}

TEST_CASE("an ignored event never moves the state") {
  for (State state : kStates) {
    for (std::size_t event = 0; event < kEventCount; ++event) {
      const Transition& step = transition(state, static_cast<Event>(event));
      if (step.action == Action::kIgnore) CHECK(step.next == state);
    }
  }
}

TEST_CASE("only a spawn makes a process, and only without one") {
  for (State state : kStates) {
    for (std::size_t event = 0; event < kEventCount; ++event) {
      const Transition& step = transition(state, static_cast<Event>(event));
      if (step.action == Action::kSpawn) CHECK_FALSE(has_process(state));
      if (!has_process(state) && has_process(step.next)) CHECK(step.action == Action::kSpawn);
    }
  }
}

TEST_CASE("a configuration error is not retried, whatever the clock says") {
  CHECK(transition(State::kStarting, Event::kConfigExit).next == State::kFailed);
  CHECK(transition(State::kFailed, Event::kDeadline).next == State::kFailed);
  CHECK(transition(State::kFailed, Event::kStart).next == State::kStarting);
}

TEST_CASE("a healthy program comes back at once, then ever later, at most 5 s, for ever") {
  RestartPolicy policy(7);
  CHECK(policy.on_death(3 * kSecond) == 0);
  Nanos expected = 20 * kMillisecond;
  for (int death = 0; death < 40; ++death) {
    const Nanos delay = policy.on_death(3 * kSecond);
    CHECK(delay >= expected * 8 / 10);
    CHECK(delay <= expected * 12 / 10);
    expected = std::min<Nanos>(expected * 2, RestartPolicy::kLongest);
  }
  CHECK(policy.on_death(31 * kSecond) == 0);  // long healthy: forgiven
}

TEST_CASE("a program that was never ready waits from its first death on") {
  RestartPolicy policy(3);
  const Nanos first = policy.on_death(0);
  CHECK(first >= 8 * kMillisecond);
  CHECK(first <= 12 * kMillisecond);
  policy.reset();
  CHECK(policy.deaths_in_a_row() == 0);
}

TEST_CASE("a program that always crashes is started about twenty times in its first minute") {
  RestartPolicy policy(11);
  int starts = 0;
  for (Nanos now = 0; now < 60 * kSecond; now += policy.on_death(0)) ++starts;
  CHECK(starts <= 22);
  CHECK(starts >= 15);
}

}  // namespace
}  // namespace prot::supervisor
