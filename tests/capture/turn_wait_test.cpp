#include "capture/turn_wait.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace prot::capture {
namespace {

constexpr TurnWaitSettings kSettings{10, 17, 47};

unsigned graded(TurnWait& wait, float probability) {
  wait.judge(probability);
  return wait.windows();
}

TEST_CASE("the model's answer grades the wait") {
  TurnWait wait(kSettings);
  CHECK(wait.windows() == 17);
  wait.begin(true, false);
  CHECK(wait.windows() == 17);
  CHECK(graded(wait, 1.0F) == 17);
  CHECK(graded(wait, TurnWait::kEven) == 17);
  CHECK(graded(wait, TurnWait::kOpen) == 47);
  CHECK(graded(wait, 0.0F) == 47);
  wait.begin(false, false);
  CHECK(wait.windows() == 17);
  CHECK_FALSE(wait.probability());
  TurnWait hurried({5, 10, 47});
  hurried.begin(true, false);
  CHECK(hurried.windows() == TurnWait::kModelWait);  // the answer may lengthen it
  CHECK(graded(hurried, 1.0F) == 10);
  hurried.begin(true, false);
  hurried.give_up_asking();
  CHECK(hurried.windows() == 10);
}

TEST_CASE("words decide before the model does") {
  using enum wire::Ending;
  TurnWait wait(kSettings);
  wait.begin(true, true);
  CHECK(wait.windows() == TurnWait::kWordsWait);
  wait.read(kComplete);
  CHECK(wait.windows() == 10);
  CHECK(graded(wait, 0.6F) == 10);
  CHECK(graded(wait, TurnWait::kOpen) == 17);  // the two disagree
  wait.read(kGoesOn);
  CHECK(graded(wait, 1.0F) == 47);
  wait.read(kUnknown);
  CHECK(graded(wait, 1.0F) == 17);
  CHECK(graded(wait, 0.0F) == 47);
}

TEST_CASE("words that are on their way are waited for, not for ever") {
  TurnWait wait(kSettings);
  wait.begin(false, true);
  CHECK(wait.windows() == TurnWait::kWordsWait);
  CHECK(graded(wait, 1.0F) == TurnWait::kWordsWait);
  CHECK(graded(wait, 0.0F) == 47);
  TurnWait hurried({5, 10, 20});
  hurried.begin(false, true);
  CHECK(hurried.windows() == 20);
}

TEST_CASE("a likelier end is never waited for longer, and small differences stay small") {
  TurnWait wait(kSettings);
  unsigned last = kSettings.longest;
  for (int percent = 0; percent <= 100; ++percent) {
    const unsigned windows = graded(wait, static_cast<float>(percent) / 100);
    CHECK(windows <= last);
    CHECK(last - windows <= 2);
    last = windows;
  }
}

TEST_CASE("long pauses lengthen the usual wait, short ones shorten it") {
  TurnWait wait(kSettings);
  CHECK(wait.learned().mean_ms == 0);
  for (int i = 0; i < 20; ++i) wait.learn(22);
  CHECK(wait.usual() >= 23);
  CHECK(wait.usual() <= 27);
  for (int i = 0; i < 40; ++i) wait.learn(7);
  CHECK(wait.usual() >= 10);
  CHECK(wait.usual() <= 12);
}

TEST_CASE("pauses of many lengths are waited for by their spread") {
  TurnWait wait(kSettings);
  for (int i = 0; i < 60; ++i) wait.learn(i % 2 == 0 ? 8 : 24);
  CHECK(wait.usual() > 24);
}

TEST_CASE("what is learned stays within the bounds") {
  TurnWait wait(kSettings);
  for (int i = 0; i < 100; ++i) wait.learn(i % 7 == 0 ? 1'000'000 : 60);
  CHECK(wait.usual() == 47);
  wait.begin(true, false);
  CHECK(graded(wait, 0.0F) == 47);
  for (int i = 0; i < 200; ++i) wait.learn(0);
  CHECK(wait.usual() == 10);
  for (int percent = 0; percent <= 100; ++percent) {
    const unsigned windows = graded(wait, static_cast<float>(percent) / 100);
    CHECK(windows >= 10);
    CHECK(windows <= 47);
  }
}

TEST_CASE("bounds that exclude the usual wait give way") {
  CHECK(TurnWait({30, 17, 47}).windows() == 17);
  TurnWait wait({10, 60, 47});
  CHECK(wait.windows() == 60);
  CHECK(graded(wait, 0.0F) == 60);
}

TEST_CASE("a successor goes on with what was learned") {
  TurnWait wait(kSettings);
  for (int i = 0; i < 20; ++i) wait.learn(22);
  TurnWait next(kSettings);
  next.restore({});
  CHECK(next.windows() == 17);
  next.restore(wait.learned());
  CHECK(next.usual() == wait.usual());
  CHECK(next.learned().mean_ms == wait.learned().mean_ms);
  next.restore({~0U, ~0U});
  CHECK(next.usual() == 47);
}

}  // namespace
}  // namespace prot::capture
