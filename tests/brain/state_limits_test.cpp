#include "brain/state_limits.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace prot;
using namespace prot::brain;

TEST_CASE("every state but idle has a limit, each its own, and something that is done then") {
  std::set<State> limited;
  std::set<std::pair<State, Watch>> pairs;
  for (const StateLimit& row : kStateLimits) {
    CHECK(pairs.insert({row.state, row.watch}).second);
    CHECK((row.state == State::kIdle) == (row.limit == kNever));
    CHECK((row.state == State::kIdle) == (row.remedy == Remedy::kNone));
    if (row.limit != kNever) limited.insert(row.state);
  }
  CHECK(limited.size() == kStates - 1);
  CHECK(limited.count(State::kIdle) == 0);
}

TEST_CASE("a limit counts from the last sign of progress, fires at its end, and is counted by state") {
  for (const StateLimit& row : kStateLimits) {
    CAPTURE(to_string(row.watch));
    Watchdogs dogs;
    const Nanos since = 7 * kSecond;
    if (row.state == State::kIdle) {
      CHECK(dogs.deadline(row.state, row.watch, since) == kNever);
      CHECK(dogs.fire(row.state, row.watch, since, kNever - 1) == nullptr);
      continue;
    }
    CHECK(dogs.deadline(row.state, row.watch, since) == since + row.limit);
    CHECK(dogs.fire(row.state, row.watch, since, since + row.limit - 1) == nullptr);
    CHECK(dogs.fired(row.state) == 0);
    const StateLimit* fired = dogs.fire(row.state, row.watch, since, since + row.limit);
    REQUIRE(fired != nullptr);
    CHECK(fired->remedy == row.remedy);
    CHECK(dogs.fired(row.state) == (row.remedy == Remedy::kRest ? 0 : 1));
    dogs.set_limit(row.watch, kSecond);
    CHECK(dogs.deadline(row.state, row.watch, since) == since + kSecond);
  }
}

TEST_CASE("what a state does not wait for has no limit") {
  Watchdogs dogs;
  CHECK(dogs.deadline(State::kIdle, Watch::kModel, 0) == kNever);
  CHECK(dogs.deadline(State::kListening, Watch::kCutAt, 0) == kNever);
  CHECK(dogs.fire(State::kListening, Watch::kCutAt, 0, kNever - 1) == nullptr);
}
