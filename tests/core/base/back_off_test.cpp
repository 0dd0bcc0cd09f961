#include "base/back_off.hpp"

#include <doctest/doctest.h>

using namespace prot;

namespace {
constexpr Nanos kFirst = 2 * kSecond;
constexpr Nanos kLongest = 60 * kSecond;
}  // namespace

TEST_CASE("one that fails is due after the first pause, and its probes double it up to the longest") {
  BackOff one(kFirst, kLongest);
  CHECK_FALSE(one.failed());
  CHECK(one.due() == kNever);
  Nanos now = kSecond;
  one.fail(now);
  CHECK(one.failed());
  Nanos pause = kFirst;
  for (int i = 0; i < 10; ++i) {
    CHECK(one.due() == now + pause);
    now = one.due();
    one.fail_probe(now);
    pause = std::min(2 * pause, kLongest);
  }
  CHECK(pause == kLongest);
}

TEST_CASE("an answered probe does not shorten the pause of one that then fails a person") {
  BackOff one(kFirst, kLongest);
  Nanos now = kSecond;
  one.fail(now);
  Nanos pause = kFirst;
  for (int turn = 0; turn < 8; ++turn) {
    now = one.due();
    one.answer_probe();
    CHECK_FALSE(one.failed());
    CHECK(one.due() == kNever);
    now += kSecond;
    one.fail(now);
    pause = std::min(2 * pause, kLongest);
    CHECK(one.pause() == pause);
    CHECK(one.due() == now + pause);
  }
  one.answer_probe();
  one.answer();
  CHECK(one.pause() == 0);
  one.fail(now);
  CHECK(one.pause() == kFirst);
}

TEST_CASE("a failure before it is due leaves its probes as they are; one when it is due is none too few") {
  BackOff one(kFirst, kLongest);
  one.fail(kSecond);
  const Nanos due = one.due();
  one.fail(kSecond + 1);
  CHECK(one.due() == due);
  one.fail(due);
  CHECK(one.due() == due + 2 * kFirst);
  one.put_off(due + 1);
  CHECK(one.due() == due + 1);
  CHECK(one.pause() == 2 * kFirst);
}

TEST_CASE("a reason that lasts has the longest pause at once") {
  BackOff one(kFirst, kLongest);
  one.fail(kSecond, true);
  CHECK(one.due() == kSecond + kLongest);
}
