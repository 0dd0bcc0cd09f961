// Whatever an answer waits for, the person hears something.
#include <doctest/doctest.h>

#include "brain_bench.hpp"
#include "fake_tool.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

constexpr Nanos kMs = kMillisecond;

// The newest `count` notices are spoken in turn `turn`, segment `segment` the last of them.
void hear_out(BrainBench& bench, std::uint32_t turn, std::uint32_t segment) {
  bench.play(segment == 0 ? Played::kStarted : Played::kHeard, turn, segment);
  bench.advance(700 * kMs);
  bench.play(Played::kSegmentDone, turn, segment, 11);
}

// A whole utterance of 600 ms that ended 400 ms ago; its words are still to come.
Nanos speak(BrainBench& bench, std::uint32_t utterance) {
  const Nanos began = bench.clock.now();
  bench.hear(Heard::kStarted, utterance);
  bench.hear(Heard::kConfirmed, utterance);
  bench.advance(600 * kMs);
  const Nanos ended = bench.clock.now();
  bench.hear(Heard::kPaused, utterance);
  bench.advance(400 * kMs);
  bench.hear(Heard::kEnded, utterance, ended);
  return began;
}

}  // namespace

TEST_CASE("while the model works the person is never left in silence for long") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  std::string heard;
  Nanos quiet_since = bench.clock.now();
  for (std::uint32_t segment = 0; segment < 5; ++segment) {
    std::string notice;
    while (notice.empty() && bench.clock.now() < quiet_since + 4 * kSecond) {
      bench.advance(50 * kMs);
      notice = bench.spoken();
    }
    CHECK(bench.clock.now() - quiet_since <= 3100 * kMs);
    heard += notice;
    hear_out(bench, 1, segment);
    CHECK(bench.state() == State::kProcessing);
    quiet_since = bench.clock.now();
  }
  CHECK(heard == "<One moment.><Still thinking.><Still thinking.><Still thinking.><Still thinking.>");
  bench.model->reply("Paris.");
  bench.work();
  CHECK(bench.spoken() == "<Paris.>|");
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.run->counter("refused_transitions") == 0);
  bench.advance(kSecond);
  bench.say(2, "And of Spain?");
  CHECK(bench.model->newest()->request.messages[1].text == "Paris.");
  bench.advance(3 * kSecond);
  CHECK(bench.spoken() == "<One moment.>");  // another wait
}

TEST_CASE("notices do not keep a dead model alive") {
  BrainBench bench;
  bench.say(1, "Hello");
  std::string heard;
  const Nanos asked = bench.clock.now();
  std::uint32_t segment = 0;
  while (heard.find("reach") == std::string::npos && bench.clock.now() < asked + 60 * kSecond) {
    bench.advance(100 * kMs);
    const std::string notice = bench.spoken();
    heard += notice;
    if (!notice.empty() && !notice.ends_with("|")) hear_out(bench, 1, segment++);
  }
  CHECK(bench.clock.now() - asked <= 46 * kSecond);
  CHECK(heard.ends_with("<Sorry, I can't reach my language model.>|"));
  CHECK(bench.run->counter("watchdog_processing") == 1);
}

TEST_CASE("a gap within an answer, and a slow tool, are announced too") {
  const auto desk = std::make_shared<ToolDesk>();
  BrainBench bench({}, {}, [desk] { return one_tool("lamp", desk); });
  bench.say(1, "Switch on the lamp");
  SUBCASE("the model pauses") {
    bench.model->say(bench.model->newest()->id, "I see it. And ");
    bench.work();
    CHECK(bench.spoken() == "<I see it.>");
    hear_out(bench, 1, 0);
    bench.advance(2900 * kMs);
    CHECK(bench.spoken().empty());
    bench.advance(200 * kMs);
    CHECK(bench.spoken() == "<One moment.>");
  }
  SUBCASE("the tool takes long") {
    bench.model->use_tools("Let me see.", {{"call_0001", "lamp", "{}"}});
    bench.work();
    CHECK(bench.spoken() == "<Let me see.>");
    hear_out(bench, 1, 0);
    bench.advance(3100 * kMs);
    CHECK(bench.spoken() == "<One moment.>");
    hear_out(bench, 1, 1);
    bench.advance(3100 * kMs);
    CHECK(bench.spoken() == "<Still thinking.>");
    desk->answer = "on";
    bench.work();
    bench.model->reply("It is on.");
    bench.work();
    CHECK(bench.spoken() == "<It is on.>|");
  }
}

TEST_CASE("a recogniser that takes long is announced, and its words are answered") {
  BrainBench bench;
  const Nanos began = speak(bench, 1);
  const Nanos ended = began + 600 * kMs;
  bench.advance(ended + 3 * kSecond - 1 - bench.clock.now());
  CHECK(bench.spoken().empty());
  CHECK(bench.state() == State::kListening);
  bench.advance(1);
  CHECK(bench.spoken() == "<One moment.>|");
  bench.play(Played::kStarted, 1);
  bench.advance(200 * kMs);
  const auto words_come = [&](std::string_view words) {
    bench.transcript(TranscriptKind::kPartial, 1, words, began, ended);
    bench.transcript(TranscriptKind::kFinal, 1, words, began, ended);
  };
  SUBCASE("within the notice, which is spoken to its end") {
    words_come("What is the capital of France?");
    CHECK(bench.page().cancelled_turn.load() == 0);
    CHECK(bench.model->real_calls() == 0);
    bench.play(Played::kTurnDone, 1);
  }
  SUBCASE("a word like a backchannel is an answer too") {
    words_come("Yes.");
    bench.play(Played::kTurnDone, 1);
  }
  SUBCASE("behind it; then prot listens again") {
    bench.play(Played::kTurnDone, 1);
    CHECK(bench.state() == State::kListening);
    bench.advance(2900 * kMs);
    CHECK(bench.spoken().empty());
    words_come("What is the capital of France?");
  }
  bench.advance(60 * kMs);
  CHECK(bench.turn() == 2);
  REQUIRE(bench.model->real_calls() == 1);
  CHECK(bench.state() == State::kProcessing);
  bench.advance(500 * kMs);
  CHECK(bench.spoken().empty());  // the notice was just said
  bench.model->reply("Paris.");
  bench.work();
  CHECK(bench.spoken() == "<Paris.>|");
  bench.play(Played::kTurnDone, 2);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.run->counter("refused_transitions") == 0);
  CHECK(bench.run->counter("interruptions") == 0);
}

TEST_CASE("it is announced again and again, and in the end the person is asked to say it again") {
  BrainBench bench;
  const Nanos began = speak(bench, 1);
  std::string heard;
  std::uint32_t turn = 0;
  while (bench.run->counter("watchdog_listening") == 0 && bench.clock.now() < began + 60 * kSecond) {
    bench.advance(100 * kMs);
    const std::string notice = bench.spoken();
    heard += notice;
    if (notice.empty()) continue;
    bench.play(Played::kStarted, ++turn);
    bench.advance(600 * kMs);
    bench.play(Played::kTurnDone, turn);
  }
  CHECK(bench.clock.now() - began <= 28 * kSecond);
  CHECK(heard.starts_with("<One moment.>|<Still thinking.>|<Still thinking.>|"));
  CHECK(heard.ends_with("<I didn't catch that.>|"));
  CHECK(bench.state() == State::kActive);
  CHECK(bench.sent("turns").empty());  // no part of the conversation
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("nobody is asked for patience for a noise") {
  BrainBench bench;
  bench.hear(Heard::kStarted, 1);
  bench.advance(100 * kMs);
  SUBCASE("that was none") { bench.hear(Heard::kDiscarded, 1); }
  SUBCASE("that goes on") {}
  bench.advance(10 * kSecond);
  CHECK(bench.spoken().empty());
}

TEST_CASE("while the answer is coming nothing is said into its sentence") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  const auto call = bench.model->newest()->id;
  const auto words_for = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      bench.model->say(call, " so");
      bench.advance(500 * kMs);
    }
  };
  bench.advance(2 * kSecond);
  SUBCASE("its end comes") {
    words_for(4);  // past 3 s
    CHECK(bench.spoken().empty());
    bench.model->reply(" it is Paris.");
    bench.work();
    CHECK(bench.spoken() == "<so so so so it is Paris.>|");
  }
  SUBCASE("it stops in the middle") {
    words_for(3);
    CHECK(bench.spoken().empty());
    bench.advance(1100 * kMs);
    CHECK(bench.spoken() == "<One moment.>");
  }
  SUBCASE("it never ends: not for longer than another wait") {
    words_for(7);
    CHECK(bench.spoken().empty());
    words_for(2);
    CHECK(bench.spoken() == "<One moment.>");
  }
}

TEST_CASE("no notice is given while the person holds the reply") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  bench.advance(2500 * kMs);
  bench.hear(Heard::kStarted, 2);
  REQUIRE(bench.page().hold_until_ns.load() != 0);
  bench.advance(kSecond);
  CHECK(bench.spoken().empty());
  bench.hear(Heard::kDiscarded, 2);
  bench.advance(100 * kMs);
  CHECK(bench.spoken() == "<One moment.>");
}

TEST_CASE("words that come before their notice is audible are not held up by it") {
  BrainBench bench;
  const Nanos began = speak(bench, 1);
  bench.advance(2700 * kMs);
  CHECK(bench.spoken() == "<One moment.>|");
  bench.transcript(TranscriptKind::kFinal, 1, "What is the capital of France?", began, began + 600 * kMs);
  CHECK(bench.page().cancelled_turn.load() == 1);
  bench.play(Played::kCutAt, 1);
  bench.advance(60 * kMs);
  CHECK(bench.turn() == 2);
  REQUIRE(bench.model->real_calls() == 1);
  CHECK(bench.state() == State::kProcessing);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("a brain that comes again does not ask for patience at once") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  bench.advance(3 * kSecond);
  CHECK(bench.spoken() == "<One moment.>");
  bench.play(Played::kStarted, 1, 0);
  bench.run->board_of("player").playback().turn.store(1);
  bench.run->board_of("player").playback().segment.store(0);
  bench.run->board_of("player").playback().bytes_heard.store(11);
  bench.advance(700 * kMs);
  bench.play(Played::kSegmentDone, 1, 0, 11);
  bench.restart();
  bench.advance(400 * kMs);
  CHECK(bench.spoken().empty());
  bench.advance(2700 * kMs);
  CHECK(bench.spoken() == "<One moment.>");
}
