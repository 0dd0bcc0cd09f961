// What the model's reading rate decides: the size of memory's block, and when brain is ready.
#include <doctest/doctest.h>

#include "brain/reading_rate.hpp"
#include "brain_bench.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;
using wire::Heard;
using wire::TranscriptKind;

namespace {

Usage reading(std::uint32_t tokens, Nanos time) {
  Usage usage;
  usage.read_tokens = tokens;
  usage.read_ns = time;
  return usage;
}

/// The model reads what brain begins with: `tokens` in `time`.
void read_start(BrainBench& bench, std::uint32_t tokens, Nanos time) {
  REQUIRE(bench.model->calls.front().request.prefill);
  bench.model->read(bench.model->calls.front().id, tokens, time);
  bench.model->done(bench.model->calls.front().id);
  bench.work();
}

Sent ask(BrainBench& bench, std::uint32_t utterance, std::string_view words) {
  bench.hear(Heard::kStarted, utterance);
  bench.transcript(TranscriptKind::kFinal, utterance, words);
  const auto asked = of_kind(bench.sent("turns"), wire::Kind::kRecallRequest);
  REQUIRE(asked.size() == 1);
  return asked[0];
}

}  // namespace

TEST_CASE("the reading rate is that of the tokens that were read last") {
  ReadingRate rate;
  CHECK(rate.tokens_in(kSecond) == 0);
  rate.learn(reading(100, 0));      // a server that does not say
  rate.learn(reading(1, kSecond));  // all but one were in its cache
  CHECK(rate.tokens_in(kSecond) == 0);
  rate.learn(reading(40, kSecond));
  CHECK(rate.tokens_in(kSecond) == 40);
  rate.learn(reading(40, 3 * kSecond));
  CHECK(rate.tokens_in(kSecond) == 20);
  CHECK(rate.tokens_in(kMillisecond) == 1);
  rate.learn(reading(1000, kSecond));
  CHECK(rate.tokens_in(kSecond) == 1000);
  for (int i = 0; i < 20; ++i) rate.learn(reading(20, 2 * kSecond));
  CHECK(rate.tokens_in(kSecond) == 10);
  CHECK(rate.tokens_in(INT64_MAX) == UINT32_MAX);
}

TEST_CASE("memory is asked for what the model reads in brain.memory_read_ms; at first it is taken for slow") {
  BrainBench bench({"brain.memory_read_ms=500"});
  const Sent first = ask(bench, 1, "What is my name?");
  CHECK(first.most == 16);
  CHECK(first.line == 40);
  bench.advance(60 * kMillisecond);
  bench.model->read(bench.model->newest()->id, 90, 3 * kSecond);  // 30 in a second
  bench.model->reply("Ada.");
  bench.work();
  bench.play(wire::Played::kTurnDone, 1);
  const Sent second = ask(bench, 2, "And my age?");
  CHECK(second.most == 15);
  CHECK(second.line == 40);
}

TEST_CASE("a fast model gets all that memory may say, and so does every one with brain.memory_read_ms 0") {
  BrainBench fast;
  read_start(fast, 120, 100 * kMillisecond);
  CHECK(ask(fast, 1, "What is my name?").most == 120);
  BrainBench any({"brain.memory_read_ms=0"});
  read_start(any, 120, 100 * kSecond);
  CHECK(ask(any, 1, "What is my name?").most == 120);
}

TEST_CASE("brain is ready when the model has read the persona, at the latest after brain.warm_up_ms") {
  BrainBench bench({"brain.warm_up_ms=4000"});
  CHECK_FALSE(bench.stage->ready(bench.clock.now()));
  CHECK(bench.stage->next_deadline(bench.clock.now()) <= bench.clock.now() + 4 * kSecond);
  SUBCASE("it has") { read_start(bench, 120, kSecond); }
  SUBCASE("it failed") {
    bench.model->fail(bench.model->calls.front().id, http::ErrorClass::kFatal);
    bench.work();
  }
  SUBCASE("the time is over") {
    bench.advance(4 * kSecond - 1);
    CHECK_FALSE(bench.stage->ready(bench.clock.now()));
    bench.advance(1);
  }
  SUBCASE("somebody asked meanwhile") { (void)ask(bench, 1, "Hello?"); }
  CHECK(bench.stage->ready(bench.clock.now()));
}

TEST_CASE("a restarted brain waits for nothing, and neither does one that may not") {
  BrainBench bench;
  bench.restart();
  CHECK(bench.model->calls.front().request.prefill);
  CHECK(bench.stage->ready(bench.clock.now()));
  BrainBench hasty({"brain.warm_up_ms=0"});
  CHECK(hasty.stage->ready(hasty.clock.now()));
}
