#include <doctest/doctest.h>

#include "told_story.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

TEST_CASE("a backchannel neither interrupts nor is a turn, whether prot speaks or thinks") {
  for (const bool speaking : {true, false}) {
    for (const bool by_partial : {true, false}) {
      CAPTURE(speaking);
      CAPTURE(by_partial);
      BrainBench bench({"player.headphones=true"});
      if (speaking) tell(bench);
      if (!speaking) bench.say(1, "Tell me a story");
      (void)bench.sent("turns");
      const State before = bench.state();
      const Nanos began = interject(bench, 2);
      CHECK(held(bench));
      if (by_partial) {
        bench.transcript(TranscriptKind::kPartial, 2, "네,", began);
        CHECK_FALSE(held(bench));
      }
      bench.advance(100 * kMs);
      bench.hear(Heard::kEnded, 2, began + 300 * kMs);
      CHECK(held(bench) == !by_partial);
      bench.transcript(TranscriptKind::kFinal, 2, "네네.", began, began + 300 * kMs);
      CHECK_FALSE(held(bench));
      CHECK(bench.page().hold_until_ns.load() == 0);
      CHECK(cancelled(bench) == 0);
      CHECK(bench.state() == before);
      CHECK(bench.turn() == 1);
      CHECK(count(bench.sent("turns"), wire::Kind::kUserMessage) == 0);
      CHECK(bench.run->counter("backchannels") == 1);
      if (!speaking) bench.model->reply("Once there was a king.");
      bench.work();
      bench.play(Played::kTurnDone, 1);
      CHECK(bench.state() == State::kActive);
      CHECK(bench.run->into("transcript").used() == 0);
      CHECK(bench.run->counter("refused_transitions") == 0);
    }
  }
}

TEST_CASE("a backchannel whose words come when the reply is over is no turn either") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.play(Played::kTurnDone, 1);
  CHECK_FALSE(held(bench));
  bench.transcript(TranscriptKind::kFinal, 2, "Uh-huh.", began, began + 300 * kMs);
  CHECK(bench.turn() == 1);
  CHECK(bench.state() == State::kActive);
  // What is said into the silence afterwards is the person's turn.
  bench.advance(kSecond);
  bench.say(3, "Okay");
  CHECK(bench.turn() == 2);
}

TEST_CASE("after a question that was heard a backchannel is the answer") {
  BrainBench bench({"player.headphones=true"});
  tell(bench, "There is a king. Shall I go on?");
  SUBCASE("to its end") {
    bench.play(Played::kTurnDone, 1);
    bench.advance(300 * kMs);
    bench.say(2, "네");
    CHECK(bench.turn() == 2);
    CHECK(bench.model->newest()->request.messages.back().text == "네");
  }
  SUBCASE("but for its last word, which the person did not wait for") {
    bench.play(Played::kSegmentDone, 1, 0, 16);
    bench.play(Played::kHeard, 1, 1, 10);
    const Nanos began = interject(bench, 2);
    bench.transcript(TranscriptKind::kFinal, 2, "Yes.", began, began + 300 * kMs);
    CHECK(cancelled(bench) == 1);
    bench.play(Played::kCutAt, 1, 1, 10);
    CHECK(bench.turn() == 2);
  }
  SUBCASE("not when half of it was still to come") {
    bench.play(Played::kSegmentDone, 1, 0, 16);
    bench.play(Played::kHeard, 1, 1, 5);
    const Nanos began = interject(bench, 2);
    bench.transcript(TranscriptKind::kFinal, 2, "Yes.", began, began + 300 * kMs);
    CHECK(cancelled(bench) == 0);
    CHECK(bench.turn() == 1);
  }
}

TEST_CASE("a stop word silences prot at once, and nothing is answered") {
  for (const bool speaking : {true, false}) {
    for (const bool by_partial : {true, false}) {
      CAPTURE(speaking);
      CAPTURE(by_partial);
      BrainBench bench({"player.headphones=true"});
      if (speaking) tell(bench);
      if (!speaking) bench.say(1, "Tell me a story");
      const std::size_t calls = bench.model->real_calls();
      const Nanos began = interject(bench, 2);
      if (by_partial) {
        bench.transcript(TranscriptKind::kPartial, 2, "그만", began);
        CHECK(cancelled(bench) == 1);
        if (speaking) CHECK(bench.state() == State::kInterrupted);
        bench.hear(Heard::kEnded, 2, began + 300 * kMs);
      }
      bench.transcript(TranscriptKind::kFinal, 2, "그만 좀 해.", began, began + 300 * kMs);
      CHECK(cancelled(bench) == 1);
      bench.play(Played::kCutAt, 1, 0, 10);
      CHECK(bench.state() == State::kActive);
      CHECK(bench.turn() == 1);
      CHECK(bench.model->real_calls() == calls);
      CHECK_FALSE(held(bench));
      CHECK(bench.run->into("transcript").used() == 0);
      CHECK(count(bench.sent("turns"), wire::Kind::kReplyEnd) == 1);
      bench.advance(kSecond);
      bench.say(3, "What is two plus two?");
      CHECK(bench.turn() == 2);
      bench.advance(60 * kMs);
      CHECK(bench.model->newest()->request.messages.back().text == "What is two plus two?");
      CHECK(bench.run->counter("refused_transitions") == 0);
    }
  }
}

TEST_CASE("a stop word that turns out to be the beginning of a question is answered") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "Stop", began);
  CHECK(cancelled(bench) == 1);
  bench.play(Played::kCutAt, 1, 0, 10);
  CHECK(bench.state() == State::kActive);
  bench.hear(Heard::kConfirmed, 2, bench.clock.now());
  bench.advance(kSecond);
  bench.hear(Heard::kEnded, 2, bench.clock.now());
  bench.transcript(TranscriptKind::kFinal, 2, "Stop. What was his name?", began, bench.clock.now());
  bench.advance(60 * kMs);
  CHECK(bench.turn() == 2);
  CHECK(bench.model->newest()->request.messages.back().text == "Stop. What was his name?");
  CHECK(bench.run->counter("refused_transitions") == 0);
}
