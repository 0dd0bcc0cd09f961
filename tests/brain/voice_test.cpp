#include <doctest/doctest.h>

#include <fstream>

#include "json/json.hpp"
#include "told_story.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

TEST_CASE("a spoken turn goes from speech to a heard reply, and everything is told") {
  BrainBench bench;
  CHECK(bench.state() == State::kIdle);
  REQUIRE(bench.model->calls.size() == 1);
  CHECK(bench.model->calls[0].request.prefill);
  bench.model->done(bench.model->calls[0].id);

  bench.hear(Heard::kStarted, 1);
  CHECK(bench.state() == State::kListening);
  bench.hear(Heard::kConfirmed, 1);
  bench.advance(500 * kMillisecond);
  bench.transcript(TranscriptKind::kPartial, 1, "What is the capital of France?");
  bench.hear(Heard::kEnded, 1);
  bench.transcript(TranscriptKind::kFinal, 1, " What is the capital of France? ");
  CHECK(bench.state() == State::kProcessing);
  CHECK(bench.turn() == 1);
  CHECK(bench.page().turn_began_ns.load() == static_cast<std::uint64_t>(bench.clock.now()));
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.back().text == "What is the capital of France?");

  const auto id = bench.model->newest()->id;
  bench.model->say(id, "The capital of France is Paris. It ");
  bench.work();
  CHECK(bench.spoken() == "<The capital of France is Paris.>");
  bench.model->say(id, "is **big**.");
  bench.model->done(id);
  bench.work();
  CHECK(bench.spoken() == "<It is big.>|");

  bench.play(Played::kStarted, 1);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kSegmentDone, 1, 0, 31);
  bench.play(Played::kSegmentDone, 1, 1, 10);
  bench.play(Played::kTurnDone, 1, 1, 10);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.page().turns_done.load() == 1);
  CHECK(bench.page().turn_began_ns.load() == 0);  // log lines are not within a turn any more

  const auto turns = bench.sent("turns");
  const auto users = of_kind(turns, wire::Kind::kUserMessage);
  const auto ends = of_kind(turns, wire::Kind::kReplyEnd);
  REQUIRE(users.size() == 1);
  REQUIRE(ends.size() == 1);
  CHECK(users[0].text == "What is the capital of France?");
  CHECK(of_kind(turns, wire::Kind::kReplySegment).size() == 2);
  CHECK(of_kind(turns, wire::Kind::kRecallRequest).size() == 1);  // the final said what the partial had said
  CHECK(ends[0].text == "The capital of France is Paris. It is big.");
  CHECK_FALSE(ends[0].interrupted);
  CHECK(ends[0].number > users[0].number);

  std::ifstream file(bench.context->environment().paths.state / "said/turns.jsonl");
  std::string line;
  REQUIRE(std::getline(file, line));
  const json::Document turn = json::parse(line);
  CHECK(turn.get("heard").as_string() == "What is the capital of France?");
  CHECK(turn.get("reply").as_string() == "The capital of France is Paris. It is big.");
  CHECK(turn.get("audible_ns").as_int() > 0);
  CHECK(turn.get("end_wait_ms").as_int() == 320);
  CHECK(turn.get("end_probability").as_double() == 0.875);
  CHECK(turn.get("request_ns").as_int() >= turn.get("final_transcript_ns").as_int());
  CHECK(bench.model->calls.back().request.prefill);  // warms the history that the next turn begins with
  CHECK(bench.run->counter("refused_transitions") == 0);

  bench.advance(29 * kSecond);
  CHECK(bench.state() == State::kActive);
  bench.advance(kSecond);
  CHECK(bench.state() == State::kIdle);
}

TEST_CASE("memory's block stands in the prompt; without an answer the model is asked after 50 ms") {
  BrainBench bench;
  bench.hear(Heard::kStarted, 1);
  bench.transcript(TranscriptKind::kFinal, 1, "What is my name?");
  CHECK(bench.model->real_calls() == 0);
  const auto asked = of_kind(bench.sent("turns"), wire::Kind::kRecallRequest);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].text == "What is my name?");
  bench.advance(10 * kMillisecond);
  CHECK(bench.model->real_calls() == 0);
  bench.recall(asked[0].number, "The user's name is Ada.");
  REQUIRE(bench.model->real_calls() == 1);
  CHECK(bench.model->newest()->request.context.find("Ada") != std::string::npos);
  bench.model->reply("Ada.");
  bench.work();
  bench.play(Played::kTurnDone, 1);

  bench.hear(Heard::kStarted, 2);
  bench.transcript(TranscriptKind::kFinal, 2, "And my age?");
  bench.advance(49 * kMillisecond);
  CHECK(bench.model->real_calls() == 1);
  bench.advance(kMillisecond);
  CHECK(bench.model->real_calls() == 2);
}

TEST_CASE("with memory off nothing is asked, nothing is waited for, and a turn still ends") {
  BrainBench bench({"memory.enabled=false"});
  bench.hear(Heard::kStarted, 1);
  bench.transcript(TranscriptKind::kFinal, 1, "Hello there");
  CHECK(bench.model->real_calls() == 1);
  bench.model->reply("Hi.");
  bench.work();
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.sent("turns").empty());
}

TEST_CASE("an interruption cancels by one word and keeps exactly what was heard") {
  BrainBench bench({"player.headphones=true"});
  bench.say(1, "Tell me a story");
  const auto id = bench.model->newest()->id;
  bench.model->say(id, "Once upon a time, there was a king. He had three sons. They ");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(kSecond);
  bench.hear(Heard::kStarted, 2);
  CHECK(bench.page().hold_until_ns.load() == bench.clock.now() + 2 * kSecond);
  CHECK(bench.page().cancelled_turn.load() == 0);
  CHECK(bench.state() == State::kSpeaking);
  bench.advance(130 * kMillisecond);
  bench.hear(Heard::kConfirmed, 2);
  CHECK(bench.page().cancelled_turn.load() == 0);
  bench.advance(300 * kMillisecond);
  bench.transcript(TranscriptKind::kPartial, 2, "Wait", bench.clock.now() - 430 * kMillisecond);
  CHECK(bench.page().cancelled_turn.load() == 1);
  CHECK(bench.page().hold_until_ns.load() == 0);
  CHECK(bench.model->newest()->cancelled);
  CHECK(bench.state() == State::kInterrupted);
  CHECK(bench.spoken().ends_with("|"));

  bench.play(Played::kCutAt, 1, 2, 6);
  CHECK(bench.state() == State::kListening);
  const auto ends = of_kind(bench.sent("turns"), wire::Kind::kReplyEnd);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].interrupted);
  CHECK(ends[0].text == "Once upon a time, there was a king. He had");

  bench.advance(kSecond);
  bench.transcript(TranscriptKind::kFinal, 2, "How many sons?");
  bench.advance(60 * kMillisecond);
  CHECK(bench.turn() == 2);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].text == "Once upon a time, there was a king. He had [interrupted]");
  CHECK(messages[2].text == "How many sons?");
}

TEST_CASE("without the player's last word what was heard comes from the board after 200 ms") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  ipc::PlaybackPage& played = bench.run->board_of("player").playback();
  played.turn = 1;
  played.segment = 0;
  played.bytes_heard = 10;
  bench.hear(Heard::kStarted, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "What then?");
  bench.advance(199 * kMillisecond);
  CHECK(of_kind(bench.sent("turns"), wire::Kind::kReplyEnd).empty());
  bench.advance(kMillisecond);
  const auto ends = of_kind(bench.sent("turns"), wire::Kind::kReplyEnd);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].text == "Once there");
  CHECK(ends[0].interrupted);
}

TEST_CASE("a false alarm lets the reply go on") {
  BrainBench bench({"player.headphones=true"});
  tell(bench, "Once there was a king.");
  bench.hear(Heard::kStarted, 2);
  bench.advance(100 * kMillisecond);
  bench.hear(Heard::kDiscarded, 2);
  CHECK(bench.page().hold_until_ns.load() == 0);
  CHECK(bench.page().cancelled_turn.load() == 0);
  CHECK(bench.state() == State::kSpeaking);
  bench.hear(Heard::kStarted, 3);
  bench.advance(2 * kSecond);
  CHECK(bench.page().hold_until_ns.load() == 0);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("speech while thinking interrupts even without headphones") {
  BrainBench bench;
  bench.say(1, "What is the capital");
  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kConfirmed, 2);
  CHECK(bench.page().hold_until_ns.load() > bench.clock.now());
  CHECK(bench.state() == State::kProcessing);
  bench.advance(2300 * kMillisecond);
  CHECK(bench.state() == State::kListening);
  CHECK(bench.model->newest()->cancelled);
  bench.work();
  const auto ends = of_kind(bench.sent("turns"), wire::Kind::kReplyEnd);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].text.empty());
  bench.advance(kSecond);
  bench.transcript(TranscriptKind::kFinal, 2, "of France?");
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.back().text == "What is the capital\nof France?");
  CHECK(bench.page().cancelled_turn.load() == 1);
  CHECK(bench.turn() == 2);
}

TEST_CASE("without headphones what began while prot was audible is dropped") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(400 * kMillisecond);
  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kConfirmed, 2);
  CHECK(bench.page().cancelled_turn.load() == 0);
  bench.transcript(TranscriptKind::kFinal, 2, "Hello to you.", bench.clock.now() - 100 * kMillisecond);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.model->real_calls() == 1);
  CHECK(bench.run->counter("dropped_utterances") == 1);
  // The next one is the person's again.
  bench.advance(kSecond);
  bench.say(3, "How are you?");
  CHECK(bench.model->real_calls() == 2);
}

TEST_CASE("with barge-in off an utterance waits for the end of the reply") {
  BrainBench bench({"player.headphones=true", "brain.barge_in=false"});
  bench.say(1, "Hello");
  bench.model->reply("Hello to you.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(400 * kMillisecond);
  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kConfirmed, 2);
  bench.transcript(TranscriptKind::kFinal, 2, "How are you?", bench.clock.now() - 100 * kMillisecond);
  CHECK(bench.state() == State::kSpeaking);
  CHECK(bench.model->real_calls() == 1);
  bench.play(Played::kTurnDone, 1);
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 2);
  CHECK(bench.turn() == 2);
}

TEST_CASE("nothing understood is said only after real speech") {
  BrainBench bench;
  bench.hear(Heard::kStarted, 1);
  CHECK(bench.state() == State::kListening);
  bench.hear(Heard::kDiscarded, 1);
  CHECK(bench.state() == State::kIdle);

  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kConfirmed, 2);
  bench.transcript(TranscriptKind::kFinal, 2, "", bench.clock.now() - 300 * kMillisecond);
  CHECK(bench.state() == State::kIdle);
  CHECK(bench.spoken().empty());

  bench.hear(Heard::kStarted, 3);
  bench.hear(Heard::kConfirmed, 3);
  bench.transcript(TranscriptKind::kFailed, 3, "engine fell over", bench.clock.now() - 500 * kMillisecond);
  CHECK(bench.state() == State::kProcessing);
  CHECK(bench.spoken() == "<I didn't catch that.>|");
  bench.play(Played::kStarted, bench.turn());
  bench.play(Played::kTurnDone, bench.turn());
  CHECK(bench.state() == State::kActive);
  CHECK(bench.sent("turns").empty());  // no part of the conversation
}

TEST_CASE("a model that fails is excused aloud and the conversation goes on") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.model->fail(bench.model->newest()->id, http::ErrorClass::kAuth);
  bench.work();
  CHECK(bench.spoken() == "<Sorry, my language model refuses my key.>|");
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
  auto ends = of_kind(bench.sent("turns"), wire::Kind::kReplyEnd);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].text.empty());

  bench.advance(kSecond);
  bench.say(2, "Again");
  bench.model->say(bench.model->newest()->id, "It is so. And");
  bench.model->fail(bench.model->newest()->id, http::ErrorClass::kRetry);
  bench.work();
  CHECK(bench.spoken() == "<It is so.><And><Sorry, I can't reach my language model.>|");
  bench.play(Played::kTurnDone, 2);
  ends = of_kind(bench.sent("turns"), wire::Kind::kReplyEnd);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].text == "It is so. And");

  bench.advance(kSecond);
  bench.say(3, "Empty");
  bench.model->done(bench.model->newest()->id);
  bench.work();
  CHECK(bench.spoken() == "<Sorry, I have no answer to that.>|");
}

TEST_CASE("a player that is gone does not hang the conversation") {
  BrainBench bench;
  bench.say(2, "Hello");
  bench.model->reply("Hello to you.");
  bench.run->close_producer("playback");
  bench.work();
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("a full speech ring holds the model back and loses nothing") {
  BrainBench bench({}, {{"speech", 64 * 1024}});
  bench.say(1, "Count for me");
  const auto id = bench.model->newest()->id;
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string sentence =
        std::string(1800, static_cast<char>('a' + i % 26)) + " so " + std::to_string(i) + " ends.";
    bench.model->say(id, sentence + " ");
    expected += "<" + sentence + ">";
    bench.work();
  }
  bench.model->done(id);
  bench.work();
  CHECK(bench.run->counter("speech_waiting") > 0);
  std::string spoken;
  for (int i = 0; i < 100 && !spoken.ends_with("|"); ++i) {
    spoken += bench.spoken();
    bench.work();
  }
  CHECK(spoken == expected + "|");
  CHECK(bench.run->counter("speech_waiting") == 0);
}
