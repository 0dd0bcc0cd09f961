// Several recognisers as one: who hears an utterance, who goes on, and when the first one is asked again.
#include <doctest/doctest.h>

#include <algorithm>

#include "fallback_bench.hpp"

namespace prot::stt {
using test::Bench;

TEST_CASE("an engine that is well hears, and the next one is not asked") {
  Bench bench;
  bench.ask();
  CHECK(bench.heard().empty());
  bench.answers(0, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.heard().empty());
  CHECK(bench.engines[0].calls == "bf");
  CHECK(bench.engines[1].calls.empty());
  CHECK(bench.recognizer->name() == "first");
}

TEST_CASE("an engine that fails is followed by the next one, with all of the utterance") {
  for (const FailureClass failure : {FailureClass::kFatal, FailureClass::kAuth, FailureClass::kQuota}) {
    Bench bench;
    bench.say({1, 2});
    const std::vector<std::int16_t> more = {3};
    bench.recognizer->push(more);
    bench.recognizer->finish();
    bench.fails(0, failure);
    CHECK(bench.heard().empty());
    CHECK(bench.engines[0].calls == "bfb");  // dropped
    CHECK(bench.engines[1].calls == "bf");
    CHECK(bench.engines[1].audio == std::vector<std::int16_t>{1, 2, 3});
    bench.answers(1, "Hello.");
    CHECK(bench.heard() == "Hello.");
    CHECK(bench.recognizer->name() == "second (fallback)");
    bench.ask();
    CHECK(bench.calls(1) == "bfbf");
  }
}

TEST_CASE("a failure that passes is tried once more, unless it comes late or asks to wait") {
  Bench bench;
  bench.ask();
  bench.fails(0, FailureClass::kRetry);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0) == "bff");
  bench.answers(0, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.recognizer->name() == "first");
  bench.ask();
  bench.fails(0, FailureClass::kRetry);
  CHECK(bench.heard().empty());
  bench.fails(0, FailureClass::kRetry);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0) == "bffb");
  CHECK(bench.calls(1) == "bf");

  Bench late;
  late.ask();
  late.clock.advance(late.settings.patience / 2);
  late.fails(0, FailureClass::kRetry);
  CHECK(late.heard().empty());
  CHECK(late.calls(1) == "bf");

  Bench wait;
  wait.ask();
  wait.answers(0, "busy", FailureClass::kRetry, kSecond);
  CHECK(wait.heard().empty());
  CHECK(wait.calls(1) == "bf");
}

TEST_CASE("an engine that is silent is given up when its time is over; the last one is waited for") {
  Bench bench;
  bench.ask();
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + bench.settings.patience);
  bench.clock.advance(bench.settings.patience - 1);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(1).empty());
  bench.clock.advance(1);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0) == "bfb");
  CHECK(bench.calls(1) == "bf");
  bench.clock.advance(10 * bench.settings.patience);
  CHECK(bench.heard().empty());
  bench.answers(0, "Too late.");
  bench.answers(1, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.heard().empty());
}

TEST_CASE("all the way down the list, and what the last one says when it fails") {
  Bench bench({"a", "b", "c"});
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  bench.clock.advance(bench.settings.patience);
  CHECK(bench.heard().empty());
  CHECK(bench.engines[2].calls == "bf");
  bench.answers(2, "broken too", FailureClass::kRetry);
  CHECK(bench.heard() == "!broken too");
  // The stage asks once more.
  bench.recognizer->finish();
  CHECK(bench.engines[2].calls == "bff");
  bench.answers(2, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.recognizer->name() == "c (fallback)");
}

TEST_CASE("a guess that fails is guessed by the next one, or left for the end") {
  Bench bench;
  bench.say();
  REQUIRE(bench.recognizer->guess());
  bench.fails(0);
  CHECK(bench.heard().empty());
  CHECK(bench.engines[1].calls == "bg");
  bench.answers(1, "so far");
  CHECK(bench.heard() == "so far");

  Bench shy;
  shy.engines[1].guesses = false;
  shy.say();
  REQUIRE(shy.recognizer->guess());
  shy.clock.advance(shy.settings.patience);
  CHECK(shy.heard() == "!second does not guess");
  shy.recognizer->finish();
  CHECK(shy.engines[1].calls == "bgf");
  shy.answers(1, "Hello.");
  CHECK(shy.heard() == "Hello.");

  Bench none;
  none.engines[0].guesses = false;
  none.say();
  CHECK_FALSE(none.recognizer->guess());
  CHECK(none.recognizer->next_deadline() == kNever);
}

TEST_CASE("what is retracted is not waited for, and its answer never comes") {
  Bench bench;
  bench.say();
  REQUIRE(bench.recognizer->guess());
  bench.answers(0, "so far");
  bench.recognizer->retract();
  CHECK(bench.heard().empty());
  CHECK(bench.recognizer->next_deadline() == kNever);
  bench.clock.advance(10 * bench.settings.patience);
  CHECK(bench.heard().empty());
  CHECK(bench.engines[1].calls.empty());
}

TEST_CASE("partials of the one at work pass") {
  Bench bench;
  bench.say();
  Recognition partial;
  partial.partial = true;
  partial.text = "Hel";
  bench.engines[0].answers.push_back(partial);
  bench.engines[1].answers.push_back(partial);
  CHECK(bench.heard() == "Hel");
  CHECK(bench.heard().empty());
}

TEST_CASE("a dead engine is asked again in the background, when nothing is said, and comes back") {
  Bench bench;
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  bench.answers(1, "Hello.");
  CHECK(bench.heard() == "Hello.");
  (void)bench.calls(0);
  (void)bench.calls(1);
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + bench.settings.first_probe);
  bench.clock.advance(bench.settings.first_probe - 1);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0).empty());
  bench.clock.advance(1);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0) == "bf");
  CHECK(bench.engines[0].audio.size() == 8'000);
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + bench.settings.probe_patience);
  // Meanwhile somebody speaks: the probe is not in the way.
  bench.ask();
  CHECK(bench.calls(1) == "bf");
  bench.answers(0, "noise");
  CHECK(bench.heard().empty());
  CHECK(bench.recognizer->name() == "first");
  bench.answers(1, "How are you?");
  CHECK(bench.heard() == "How are you?");
  bench.ask();
  CHECK(bench.calls(0) == "bbf");
  CHECK(bench.calls(1).empty());
}

TEST_CASE("probes wait until nothing is said, and for twice as long behind each that fails, up to a limit") {
  Bench bench;
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  bench.answers(1, "Hello.");
  CHECK(bench.heard() == "Hello.");
  bench.clock.advance(bench.settings.first_probe);
  bench.say();
  CHECK(bench.heard().empty());
  (void)bench.calls(0);
  bench.clock.advance(kSecond - 1);
  CHECK(bench.heard().empty());
  CHECK(bench.calls(0).empty());
  bench.clock.advance(1);
  Nanos pause = bench.settings.first_probe;
  for (int i = 0; i < 10; ++i) {
    CHECK(bench.heard().empty());
    REQUIRE(bench.calls(0) == "bf");
    if (i % 2 == 0)
      bench.fails(0);
    else
      bench.clock.advance(bench.settings.probe_patience);
    CHECK(bench.heard().empty());
    CHECK(bench.calls(0) == "b");
    pause = std::min(2 * pause, bench.settings.longest_probe);
    CHECK(bench.recognizer->next_deadline() == bench.clock.now() + pause);
    bench.clock.advance(pause);
  }
  CHECK(pause == bench.settings.longest_probe);
}

TEST_CASE("a refused key is tried again seldom") {
  Bench bench;
  bench.ask();
  bench.fails(0, FailureClass::kAuth);
  CHECK(bench.heard().empty());
  bench.answers(1, "Hello.");
  CHECK(bench.heard() == "Hello.");
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + bench.settings.longest_probe);
}

TEST_CASE("when none is left the first one is asked, even while it is probed, and its words count") {
  Bench bench;
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  bench.fails(1);
  CHECK(bench.heard() == "!broken");
  CHECK(bench.recognizer->name() == "first");
  bench.clock.advance(bench.settings.first_probe);
  CHECK(bench.heard().empty());  // both are probed
  (void)bench.calls(0);
  bench.ask({7});
  CHECK(bench.engines[0].calls == "bf");
  CHECK(bench.engines[0].audio == std::vector<std::int16_t>{7});
  bench.answers(0, "Hello.");
  CHECK(bench.heard() == "Hello.");
  bench.ask();
  bench.fails(0);
  CHECK(bench.heard().empty());
  CHECK(bench.engines[1].audio == std::vector<std::int16_t>{1, 2, 3});
}

TEST_CASE("the one at work that is probed within its utterance gives its audio back first") {
  Bench bench({"only"});
  bench.ask({1, 2});
  bench.fails(0);
  CHECK(bench.heard() == "!broken");
  bench.clock.advance(bench.settings.first_probe);
  CHECK(bench.heard().empty());
  CHECK(bench.engines[0].audio.size() == 8'000);
  const std::vector<std::int16_t> more = {3};
  bench.recognizer->push(more);
  CHECK(bench.engines[0].audio == std::vector<std::int16_t>{1, 2, 3});
}

TEST_CASE("the deadlines of all engines count: those that wait keep their connections") {
  Bench bench;
  bench.engines[1].deadline = bench.clock.now() + 5;
  CHECK(bench.recognizer->next_deadline() == bench.clock.now() + 5);
}

}  // namespace prot::stt
