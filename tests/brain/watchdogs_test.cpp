#include <doctest/doctest.h>

#include "chat_client.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

std::uint64_t fired(BrainBench& bench) {
  std::uint64_t sum = 0;
  for (const char* state : {"listening", "processing", "speaking", "interrupted"})
    sum += bench.run->counter(std::string("watchdog_") + state);
  return sum;
}

}  // namespace

TEST_CASE("listening: an utterance whose end is lost is asked for again; a noise is forgotten") {
  for (const bool speech : {true, false}) {
    CAPTURE(speech);
    BrainBench bench;
    bench.hear(Heard::kStarted, 1);
    if (speech) bench.hear(Heard::kConfirmed, 1);
    bench.advance(80 * kSecond - 1);
    CHECK(bench.state() == State::kListening);
    CHECK(fired(bench) == 0);
    bench.advance(1);
    CHECK(bench.run->counter("watchdog_listening") == 1);
    CHECK(bench.spoken() == (speech ? "<I didn't catch that.>|" : ""));
    CHECK(bench.state() == (speech ? State::kProcessing : State::kIdle));
    if (speech) bench.play(Played::kTurnDone, 1);
    bench.advance(kSecond);
    bench.say(2, "Are you there?");
    CHECK(bench.model->real_calls() == 1);
    CHECK(bench.run->counter("refused_transitions") == 0);
  }
}

TEST_CASE("listening: an utterance whose transcript does not come is asked for again") {
  BrainBench bench({"brain.wait_notice_ms=0"});
  bench.hear(Heard::kStarted, 1);
  bench.hear(Heard::kConfirmed, 1);
  bench.advance(kSecond);
  bench.hear(Heard::kEnded, 1);
  bench.advance(25 * kSecond - 1);
  CHECK(bench.state() == State::kListening);
  bench.advance(1);
  CHECK(bench.run->counter("watchdog_listening") == 1);
  CHECK(bench.spoken() == "<I didn't catch that.>|");
  CHECK(bench.sent("turns").empty());  // no part of the conversation
  SUBCASE("it comes after all") {
    bench.transcript(TranscriptKind::kFinal, 1, "Are you there?");
    bench.play(Played::kCutAt, 1);
    CHECK(bench.turn() == 2);
    bench.advance(60 * kMillisecond);
    CHECK(bench.model->real_calls() == 1);
  }
  SUBCASE("it does not") {
    bench.play(Played::kStarted, 1);
    bench.play(Played::kTurnDone, 1);
    CHECK(bench.state() == State::kActive);
  }
}

TEST_CASE("processing: a model that says nothing is excused aloud") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.advance(45 * kSecond - 60 * kMillisecond - 1);
  CHECK(bench.spoken() == "<One moment.>");
  bench.advance(1);
  CHECK(bench.run->counter("watchdog_processing") == 1);
  CHECK(bench.model->newest()->cancelled);
  CHECK(bench.spoken() == "<Sorry, I can't reach my language model.>|");
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
  bench.advance(kSecond);
  bench.say(2, "Again");
  bench.model->reply("Here I am.");
  bench.work();
  CHECK(bench.spoken() == "<Here I am.>|");
}

TEST_CASE("processing: a model that is slow but alive is waited for") {
  BrainBench bench;
  bench.say(1, "Hello");
  for (int i = 0; i < 4; ++i) {
    bench.advance(40 * kSecond);
    bench.model->say(bench.model->newest()->id, "slow ");
    bench.work();
  }
  CHECK(fired(bench) == 0);
  CHECK(bench.state() == State::kProcessing);
}

TEST_CASE("processing: a reply that does not get audible is given up, and the voice is tried once more") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  CHECK(bench.spoken() == "<Hello to you.>|");
  bench.advance(20 * kSecond - 1);
  CHECK(bench.state() == State::kProcessing);
  CHECK(fired(bench) == 0);
  bench.advance(1);
  CHECK(bench.run->counter("watchdog_processing") == 1);
  CHECK(bench.page().cancelled_turn.load() == 1);
  CHECK(bench.spoken() == "<Sorry, I could not say that aloud.>|");
  CHECK(bench.turn() == 2);
  SUBCASE("and works") {
    bench.play(Played::kStarted, 2);
    bench.play(Played::kTurnDone, 2);
    CHECK(bench.state() == State::kActive);
  }
  SUBCASE("and is dead") {
    bench.advance(20 * kSecond);
    CHECK(bench.state() == State::kActive);
    CHECK(bench.spoken().empty());
    CHECK(fired(bench) == 2);
  }
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("speaking: a model that stops in the middle is excused behind what it said") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.model->say(bench.model->newest()->id, "It is so. And ");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.play(Played::kSegmentDone, 1, 0, 9);
  CHECK(bench.state() == State::kSpeaking);
  bench.advance(45 * kSecond);
  CHECK(bench.run->counter("watchdog_speaking") == 1);
  CHECK(bench.spoken() == "<It is so.><And><Sorry, I can't reach my language model.>|");
}

TEST_CASE("speaking: a loudspeaker that stands still ends the reply, but not while it is held") {
  BrainBench bench({"player.headphones=true"});
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(19 * kSecond);
  SUBCASE("it moves, by the board alone") {
    ipc::PlaybackPage& played = bench.run->board_of("player").playback();
    played.turn = 1;
    played.samples_heard = 100;
    bench.work();
    bench.advance(19 * kSecond);
    CHECK(fired(bench) == 0);
  }
  SUBCASE("it is held") {
    const Nanos began = bench.clock.now();
    bench.hear(Heard::kStarted, 2, began);
    bench.advance(kSecond);
    bench.hear(Heard::kDiscarded, 2, began + 100 * kMillisecond);
    bench.advance(20 * kSecond - 1);
    CHECK(fired(bench) == 0);
    bench.advance(1);
    CHECK(bench.run->counter("watchdog_speaking") == 1);
  }
  SUBCASE("it stands still") {
    bench.advance(kSecond - 1);
    CHECK(bench.state() == State::kSpeaking);
    bench.advance(1);
    CHECK(bench.run->counter("watchdog_speaking") == 1);
    CHECK(bench.spoken().ends_with("<Sorry, I could not say that aloud.>|"));
  }
}

TEST_CASE("active: silence leads to idle, and nothing is wrong with that") {
  BrainBench bench({"brain.active_timeout_s=5"});
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  bench.play(Played::kTurnDone, 1);
  bench.advance(5 * kSecond - 1);
  CHECK(bench.state() == State::kActive);
  bench.advance(1);
  CHECK(bench.state() == State::kIdle);
  CHECK(fired(bench) == 0);
  CHECK(bench.stage->next_deadline(bench.clock.now()) == kNever);  // idle waits for ever
}

TEST_CASE("active: the end does not wait for its time, and leaves no timer") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.stage->next_deadline(bench.clock.now()) != kNever);
  bench.run->set_drain(ipc::Drain::kGraceful);
  for (const char* ring : {"hearing", "transcript", "playback"}) bench.end_of_stream(ring);
  CHECK(bench.stage->finished());  // and the clock stood still
  CHECK(bench.stage->next_deadline(bench.clock.now()) == kNever);
}

TEST_CASE("a long text answer does not keep the voice's dead model alive") {
  BrainBench bench;
  ChatClient client(bench);
  client.send(R"({"type":"message","content":"Tell me a story"})"
              "\n");
  bench.advance(300 * kMillisecond);
  const auto text = bench.model->newest()->id;
  bench.say(1, "Hello");
  REQUIRE(bench.model->newest()->id != text);
  const Nanos asked = bench.clock.now();
  while (bench.run->counter("watchdog_processing") == 0 && bench.clock.now() < asked + 60 * kSecond) {
    bench.model->say(text, "word ");
    bench.advance(kSecond);
  }
  CHECK(bench.clock.now() - asked <= 46 * kSecond);
}
