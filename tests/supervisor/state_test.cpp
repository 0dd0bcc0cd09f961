// The tables: states, back-off.
#include <doctest/doctest.h>

#include "program_state.hpp"
#include "restart_policy.hpp"

namespace prot::supervisor {
namespace {

constexpr State kStates[] = {State::kDown,     State::kStarting, State::kReady,
                             State::kStopping, State::kBackoff,  State::kFailed,
                             State::kHeld,     State::kDone,     State::kEnding};

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
  CHECK(transition(State::kFailed, Event::kDeadline).next == State::kStarting);
  CHECK(transition(State::kFailed, Event::kStart).next == State::kStarting);
}

TEST_CASE("a healthy program comes back at once, then ever later, at most 5 s, for ever") {
  RestartPolicy policy(7);
  Nanos now = kSecond;
  CHECK(policy.on_death(now, 3 * kSecond) == 0);
  Nanos expected = 20 * kMillisecond;
  for (int death = 0; death < 40; ++death) {
    now += 7 * kSecond;  // too seldom to be degraded
    const Nanos delay = policy.on_death(now, 3 * kSecond);
    CHECK(delay >= expected * 8 / 10);
    CHECK(delay <= expected * 12 / 10);
    expected = std::min<Nanos>(expected * 2, RestartPolicy::kLongest);
  }
  CHECK_FALSE(policy.degraded());
  CHECK(policy.on_death(now, 31 * kSecond) == 0);  // long healthy: forgiven
}

TEST_CASE("a program that was never ready waits from its first death on") {
  RestartPolicy policy(3);
  const Nanos first = policy.on_death(kSecond, 0);
  CHECK(first >= 8 * kMillisecond);
  CHECK(first <= 12 * kMillisecond);
  policy.reset();
  CHECK(policy.deaths_in_a_row() == 0);
}

TEST_CASE("more than ten deaths in a minute: every 15 s, until it is well or somebody asks") {
  RestartPolicy policy(5);
  for (int death = 1; death <= 10; ++death) {
    CHECK(policy.on_death(death * kSecond, 0) < RestartPolicy::kDegradedDelay);
    CHECK_FALSE(policy.degraded());
  }
  SUBCASE("the eleventh within the minute") {
    CHECK(policy.on_death(61 * kSecond, 0) == RestartPolicy::kDegradedDelay);
    for (int more = 1; more < 100; ++more)  // it stays, however seldom
      CHECK(policy.on_death((61 + 100 * more) * kSecond, 5 * kSecond) == RestartPolicy::kDegradedDelay);
    SUBCASE("it was well") { CHECK(policy.on_death(100'000 * kSecond, 30 * kSecond) == 0); }
    SUBCASE("by hand") { policy.reset(); }
    CHECK_FALSE(policy.degraded());
  }
  SUBCASE("the eleventh later") {
    CHECK(policy.on_death(61 * kSecond + 1, 0) < RestartPolicy::kDegradedDelay);
    CHECK_FALSE(policy.degraded());
  }
}

TEST_CASE("a program that always crashes is started at most 16 times in its first minute") {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    RestartPolicy policy(seed);
    int starts = 0;
    for (Nanos now = kSecond; now < 61 * kSecond; now += policy.on_death(now, 0)) ++starts;
    CHECK(starts <= 16);
    CHECK(starts >= 12);
  }
}

}  // namespace
}  // namespace prot::supervisor
