#include <doctest/doctest.h>

#include "told_story.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

TEST_CASE("speech that lasts cancels without a word, in the middle of thinking too") {
  for (const bool speaking : {true, false}) {
    CAPTURE(speaking);
    BrainBench bench({"player.headphones=true"});
    if (speaking) tell(bench);
    if (!speaking) bench.say(1, "Tell me a story");
    const Nanos began = bench.clock.now();
    bench.advance(100 * kMs);
    bench.hear(Heard::kStarted, 2, began);
    CHECK(held(bench));
    bench.advance(100 * kMs);
    bench.hear(Heard::kConfirmed, 2, began + 190 * kMs);
    CHECK(cancelled(bench) == 0);
    while (cancelled(bench) == 0 && bench.clock.now() < began + 4 * kSecond)
      bench.advance(10 * kMs);  // only the clock goes on
    CHECK(bench.clock.now() >= began + 2000 * kMs);
    CHECK(bench.clock.now() <= began + 2400 * kMs);
    CHECK(held(bench) == false);
    CHECK(cancelled(bench) == 1);
    CHECK(bench.model->newest()->cancelled == !speaking);
    bench.play(Played::kCutAt, 1, 0, 10);
    CHECK(bench.state() == State::kListening);
    bench.hear(Heard::kEnded, 2, bench.clock.now());
    bench.transcript(TranscriptKind::kFinal, 2, "about a fox", began, bench.clock.now());
    bench.advance(60 * kMs);
    CHECK(bench.turn() == 2);
    CHECK(bench.model->newest()->request.messages.back().text ==
          (speaking ? "about a fox" : "Tell me a story\nabout a fox"));
    CHECK(bench.run->counter("refused_transitions") == 0);
  }
}

TEST_CASE("marks of an utterance that are read behind its words interrupt no reply") {
  BrainBench bench({"player.headphones=true"});
  const Nanos began = bench.clock.now();
  bench.advance(1500 * kMs);
  bench.transcript(TranscriptKind::kFinal, 1, "Tell me a story", began, began + kSecond);
  bench.hear(Heard::kStarted, 1, began);
  bench.hear(Heard::kConfirmed, 1, began + 190 * kMs);
  bench.hear(Heard::kPaused, 1, began + kSecond);
  bench.hear(Heard::kEnded, 1, began + kSecond);
  bench.advance(60 * kMs);
  bench.model->reply("Once there was a king.");
  for (int i = 0; i < 300; ++i) {
    bench.advance(10 * kMs);
    CHECK_FALSE(held(bench));
  }
  CHECK(cancelled(bench) == 0);
  CHECK(bench.turn() == 1);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("what cancelled a reply is a turn, even when it was only a long backchannel") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2, 3000 * kMs);
  CHECK(cancelled(bench) == 1);
  bench.play(Played::kCutAt, 1, 0, 10);
  bench.transcript(TranscriptKind::kFinal, 2, "네네네네네", began, bench.clock.now());
  CHECK(bench.turn() == 2);
}

TEST_CASE("a long backchannel is heard out in silence, and the reply goes on where it stopped") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2, 1500 * kMs);
  CHECK(held(bench));
  CHECK(cancelled(bench) == 0);
  SUBCASE("its words are known at the pause") {
    bench.transcript(TranscriptKind::kPartial, 2, "Uh-huh, right, right.", began);
    CHECK_FALSE(held(bench));
  }
  SUBCASE("at a lull, which is told as a pause only later") {
    BrainBench other({"player.headphones=true"});
    tell(other);
    const Nanos start = other.clock.now();
    other.hear(Heard::kStarted, 2, start);
    other.hear(Heard::kConfirmed, 2, start);
    other.advance(1600 * kMs);
    other.transcript(TranscriptKind::kPartial, 2, "Uh-huh, right.", start, start + 1500 * kMs);
    CHECK(held(other));  // perhaps there is more
    other.advance(100 * kMs);
    other.hear(Heard::kPaused, 2, start + 1500 * kMs);
    CHECK_FALSE(held(other));
    CHECK(cancelled(other) == 0);
  }
  SUBCASE("or at the end of the utterance") {
    bench.advance(750 * kMs);
    bench.hear(Heard::kEnded, 2, began + 1500 * kMs);
    CHECK(held(bench));
  }
  SUBCASE("it was a noise") {
    bench.transcript(TranscriptKind::kPartial, 2, "", began);
    CHECK_FALSE(held(bench));
  }
  bench.transcript(TranscriptKind::kFinal, 2, "Uh-huh, right, right.", began, began + 1500 * kMs);
  CHECK(cancelled(bench) == 0);
  CHECK_FALSE(held(bench));
  CHECK(bench.turn() == 1);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("a reply that begins while the person speaks again begins held") {
  BrainBench bench;
  const Nanos first = interject(bench, 1, 500 * kMs);
  bench.hear(Heard::kEnded, 1, first + 500 * kMs);
  const Nanos second = bench.clock.now();
  bench.advance(100 * kMs);
  bench.hear(Heard::kStarted, 2, second);
  CHECK_FALSE(held(bench));  // nothing to hold
  bench.transcript(TranscriptKind::kFinal, 1, "What is the capital", first, first + 500 * kMs);
  CHECK(bench.turn() == 1);
  CHECK(held(bench));
  bench.advance(60 * kMs);
  bench.model->reply("Paris.");
  bench.work();
  CHECK(bench.spoken() == "<Paris.>|");  // it waits in the player
  CHECK(held(bench));
  SUBCASE("it was a cough") {
    bench.hear(Heard::kDiscarded, 2, second + 100 * kMs);
    CHECK(bench.page().hold_until_ns.load() == 0);
    bench.play(Played::kStarted, 1);
    CHECK(bench.state() == State::kSpeaking);
  }
  SUBCASE("it was the rest of the question") {
    bench.hear(Heard::kEnded, 2, second + 400 * kMs);
    bench.transcript(TranscriptKind::kFinal, 2, "of France?", second, second + 400 * kMs);
    CHECK(cancelled(bench) == 1);
    bench.play(Played::kCutAt, 1);
    bench.advance(60 * kMs);
    CHECK(bench.turn() == 2);
    CHECK(bench.model->newest()->request.messages.back().text == "What is the capital\nof France?");
  }
}

TEST_CASE("words that come when the reply goes on again still interrupt it") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.hear(Heard::kEnded, 2, began + 300 * kMs);
  bench.advance(2 * kSecond);
  CHECK(bench.page().hold_until_ns.load() == 0);
  CHECK(cancelled(bench) == 0);
  bench.transcript(TranscriptKind::kFinal, 2, "What was his name?", began, began + 300 * kMs);
  CHECK(cancelled(bench) == 1);
  bench.play(Played::kCutAt, 1, 0, 10);
  CHECK(bench.turn() == 2);
}

TEST_CASE("what is still said of a cancelled reply changes nothing any more") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "What was", began);
  bench.play(Played::kCutAt, 1, 0, 10);
  CHECK(count(bench.sent("turns"), wire::Kind::kReplyEnd) == 1);
  bench.play(Played::kHeard, 1, 1, 5);
  bench.play(Played::kTurnDone, 1, 1, 18);
  bench.model->say(bench.model->newest()->id, "And they lived.");
  bench.work();
  CHECK(count(bench.sent("turns"), wire::Kind::kReplyEnd) == 0);
  CHECK(bench.state() == State::kListening);
  bench.hear(Heard::kEnded, 2, bench.clock.now());
  bench.transcript(TranscriptKind::kFinal, 2, "What was his name?", began, bench.clock.now());
  bench.advance(60 * kMs);
  bench.model->reply("Arthur.");
  bench.work();
  CHECK(bench.spoken().ends_with("<Arthur.>|"));
  bench.play(Played::kTurnDone, 1, 1, 18);  // late again
  CHECK(bench.page().turns_done.load() == 1);
  CHECK(bench.state() == State::kProcessing);
}

TEST_CASE("a brain that is restarted within a hold keeps it to its end, and then lets the reply go on") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  bench.run->board_of("player").playback().turn = 1;
  (void)interject(bench, 2);
  const Nanos until = bench.page().hold_until_ns.load();
  REQUIRE(until > bench.clock.now());
  bench.restart();
  CHECK(bench.state() == State::kSpeaking);
  CHECK(bench.page().hold_until_ns.load() == until);
  SUBCASE("nothing is told any more") {
    bench.advance(until - bench.clock.now());
    CHECK(bench.page().hold_until_ns.load() == 0);
    CHECK(cancelled(bench) == 0);
  }
  SUBCASE("words come") {
    bench.transcript(TranscriptKind::kFinal, 2, "What was his name?");
    CHECK(cancelled(bench) == 1);
    CHECK(bench.page().hold_until_ns.load() == 0);
  }
  SUBCASE("it was a backchannel") {
    bench.transcript(TranscriptKind::kFinal, 2, "yeah");
    CHECK(bench.page().hold_until_ns.load() == 0);
    CHECK(cancelled(bench) == 0);
  }
}

TEST_CASE("a hold that a brain left behind without a reply is taken back") {
  BrainBench bench;
  bench.context->board().conversation().hold_until_ns.store(bench.clock.now() + kSecond);
  bench.restart();
  CHECK(bench.page().hold_until_ns.load() == 0);
}

TEST_CASE("the interruption is a state until the player has told what was heard") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "What was", began);
  CHECK(bench.state() == State::kInterrupted);
  bench.advance(199 * kMs);
  CHECK(bench.state() == State::kInterrupted);
  CHECK(bench.run->counter("watchdog_interrupted") == 0);
  bench.advance(kMs);
  CHECK(bench.state() == State::kListening);
  CHECK(bench.run->counter("watchdog_interrupted") == 1);
}

TEST_CASE("speech that is under way when a reply ends is listened to") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = bench.clock.now();
  bench.hear(Heard::kStarted, 2, began);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kListening);
  CHECK(bench.page().hold_until_ns.load() == 0);
  bench.hear(Heard::kDiscarded, 2, began + 100 * kMs);
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("where capture takes prot's voice out of what it hears, prot may be interrupted while it speaks") {
  for (const bool cancels : {true, false}) {
    CAPTURE(cancels);
    BrainBench bench({std::string("capture.echo_cancellation=") + (cancels ? "webrtc" : "off")});
    tell(bench);
    const Nanos began = interject(bench, 2);
    CHECK(held(bench) == cancels);
    bench.transcript(TranscriptKind::kFinal, 2, "What was his name?", began, began + 300 * kMs);
    CHECK(cancelled(bench) == (cancels ? 1 : 0));
    CHECK(bench.run->counter("dropped_utterances") == (cancels ? 0 : 1));
  }
}

TEST_CASE("two hundred interruptions in a row leave nothing behind, and the next reply is whole") {
  BrainBench bench({"player.headphones=true"});
  bench.say(1, "Tell me a story");
  for (std::uint32_t i = 1; i <= 200; ++i) {
    CAPTURE(i);
    REQUIRE(bench.turn() == i);
    bench.model->say(bench.model->newest()->id, "Once there was a king. He had three sons. And ");
    bench.work();
    bench.play(Played::kStarted, i);
    bench.advance(kSecond);
    const Nanos began = interject(bench, i + 1);
    REQUIRE(held(bench));
    bench.hear(Heard::kEnded, i + 1, began + 300 * kMs);
    bench.transcript(TranscriptKind::kFinal, i + 1, "And then what?", began, began + 300 * kMs);
    REQUIRE(cancelled(bench) == i);
    REQUIRE(bench.page().hold_until_ns.load() == 0);
    REQUIRE(bench.model->newest()->cancelled);
    bench.play(Played::kCutAt, i, 0, 10);
    (void)bench.sent("turns");
    (void)bench.sent("speech");
    bench.advance(60 * kMs);
  }
  const auto& messages = bench.model->newest()->request.messages;
  CHECK(messages.back().text == "And then what?");
  CHECK(messages[messages.size() - 2].text == "Once there [interrupted]");
  bench.model->reply("They lived. Happily.");
  bench.work();
  CHECK(bench.spoken() == "<They lived.><Happily.>|");
  bench.play(Played::kStarted, 201);
  bench.play(Played::kTurnDone, 201);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.run->counter("interruptions") == 200);
  CHECK(bench.run->counter("watchdog_interrupted") == 0);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("a cough inside the hold of an utterance does not let the reply go on over it") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  const Nanos began = interject(bench, 2);
  bench.hear(Heard::kEnded, 2, began + 300 * kMs);
  const Nanos cough = bench.clock.now();
  bench.advance(100 * kMs);
  bench.hear(Heard::kStarted, 3, cough);
  bench.advance(200 * kMs);
  bench.hear(Heard::kDiscarded, 3, cough + 60 * kMs);
  CHECK(held(bench));
  bench.transcript(TranscriptKind::kFinal, 2, "uh-huh", began, began + 300 * kMs);
  CHECK(bench.page().hold_until_ns.load() == 0);
  CHECK(bench.state() == State::kSpeaking);
}
