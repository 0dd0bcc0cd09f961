// A recogniser on trial, and what one that is not at work any more is left with.
#include <doctest/doctest.h>

#include <algorithm>

#include "fallback_bench.hpp"

namespace prot::stt {
using test::Bench;

TEST_CASE("one that answers noise, but no words in time, costs its time ever more seldom") {
  Bench bench;
  Nanos pause = bench.settings.first_probe;
  for (int turn = 0; turn < 7; ++turn) {
    bench.ask();
    REQUIRE(bench.calls(0) == "bf");
    bench.clock.advance(bench.settings.patience);
    CHECK(bench.heard().empty());
    bench.answers(1, "Hello.");
    CHECK(bench.heard() == "Hello.");
    (void)bench.calls(0);
    CHECK(bench.recognizer->next_deadline() == bench.clock.now() + pause);
    bench.clock.advance(pause - 1);
    CHECK(bench.heard().empty());
    CHECK(bench.calls(0).empty());
    bench.clock.advance(1);
    CHECK(bench.heard().empty());
    bench.answers(0, "");  // the noise was quick enough
    CHECK(bench.heard().empty());
    CHECK(bench.recognizer->name() == "first");
    (void)bench.calls(0);
    pause = std::min(2 * pause, bench.settings.longest_probe);
  }
  bench.ask();
  bench.answers(0, "Hello.");
  CHECK(bench.heard() == "Hello.");
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  bench.answers(1, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + bench.settings.first_probe);
}

TEST_CASE("an utterance that is given up leaves no work with an engine that does not have the next one") {
  for (const bool guessed : {true, false}) {
    Bench bench;
    bench.ask();
    bench.fails(0);
    CHECK(bench.heard().empty());
    bench.answers(1, "Hello.");
    CHECK(bench.heard() == "Hello.");
    bench.clock.advance(bench.settings.first_probe);
    CHECK(bench.heard().empty());
    bench.say();
    REQUIRE(bench.recognizer->guess());
    if (guessed) bench.answers(1, "so far");
    CHECK(bench.heard() == (guessed ? "so far" : ""));
    bench.answers(0, "");  // of the probe
    CHECK(bench.heard().empty());
    (void)bench.calls(1);
    bench.say();
    CHECK(bench.calls(1) == (guessed ? "" : "b"));
  }
}

}  // namespace prot::stt
