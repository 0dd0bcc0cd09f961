// The voice's way to the model: asked on a guess, late, failing.
#include <doctest/doctest.h>

#include <fstream>

#include "brain_bench.hpp"
#include "ipc/turn_log.hpp"
#include "json/json.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

/// The person has spoken and pauses; a guess at the words is there, and memory did not answer.
void pause_with(BrainBench& bench, std::string_view words) {
  bench.hear(Heard::kStarted, 1);
  bench.hear(Heard::kConfirmed, 1);
  bench.advance(600 * kMillisecond);
  bench.hear(Heard::kPaused, 1);
  bench.transcript(TranscriptKind::kPartial, 1, words);
  bench.advance(60 * kMillisecond);
}

void end_with(BrainBench& bench, std::string_view words) {
  bench.hear(Heard::kEnded, 1);
  bench.transcript(TranscriptKind::kFinal, 1, words);
  bench.advance(60 * kMillisecond);
}

std::string last_reply(BrainBench& bench) {
  std::string text;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kReplyEnd) text = one.text;
  return text;
}

}  // namespace

TEST_CASE("at a pause the model is asked; its words wait until the turn is over, and are then the answer") {
  BrainBench bench;
  pause_with(bench, "What is the capital of France?");
  REQUIRE(bench.model->real_calls() == 1);
  const auto id = bench.model->newest()->id;
  bench.model->say(id, "Paris. It is ");
  bench.work();
  CHECK(bench.spoken().empty());
  CHECK(bench.state() == State::kListening);
  end_with(bench, "What is the capital of France?");
  CHECK(bench.model->real_calls() == 1);
  CHECK_FALSE(bench.model->newest()->cancelled);
  CHECK(bench.spoken() == "<Paris.>");
  bench.model->say(id, "big.");
  bench.model->done(id);
  bench.work();
  CHECK(bench.spoken() == "<It is big.>|");
  bench.play(Played::kTurnDone, 1);
  CHECK(last_reply(bench) == "Paris. It is big.");
  CHECK(bench.run->counter("preemptive_used") == 1);
  const auto turns = ipc::read_turns(bench.page().turns);
  REQUIRE(turns.size() == 1);
  CHECK((turns[0].flags & ipc::kTurnPreemptive) != 0);
  CHECK(turns[0].model == "fake");
}

TEST_CASE("an answer that was whole before the turn was over is spoken at once") {
  BrainBench bench;
  pause_with(bench, "Hello there");
  bench.model->reply("Hi.");
  bench.work();
  CHECK(bench.spoken().empty());
  end_with(bench, "Hello there");
  CHECK(bench.spoken() == "<Hi.>|");
}

TEST_CASE("other words, or memory's answer, and the model is asked anew; nothing of the guess is heard") {
  BrainBench bench;
  pause_with(bench, "What is the capital");
  bench.model->reply("Of what?");
  bench.work();
  end_with(bench, "What is the capital of Spain?");
  REQUIRE(bench.model->real_calls() == 2);
  CHECK(bench.model->newest()->request.messages.back().text == "What is the capital of Spain?");
  bench.model->reply("Madrid.");
  bench.work();
  CHECK(bench.spoken() == "<Madrid.>|");
  CHECK(bench.run->counter("preemptive_tried") == 1);
  CHECK(bench.run->counter("preemptive_used") == 0);

  BrainBench other;
  pause_with(other, "What is my name?");
  std::uint64_t asked = 0;
  for (const Sent& one : other.sent("turns"))
    if (one.kind == wire::Kind::kRecallRequest) asked = one.number;
  other.recall(asked, "The user's name is Ada.");
  end_with(other, "What is my name?");
  REQUIRE(other.model->real_calls() == 2);
  CHECK(other.model->newest()->request.context.find("Ada") != std::string::npos);
}

TEST_CASE("who speaks on after a pause ends the guess at once; three guesses are enough") {
  BrainBench bench;
  pause_with(bench, "Tell me");
  bench.hear(Heard::kConfirmed, 1);
  CHECK(bench.model->newest()->cancelled);
  bench.transcript(TranscriptKind::kPartial, 1, "Tell me a");  // while they speak: no guess
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 1);
  for (const char* words : {"Tell me a story", "Tell me a story about", "Tell me a story about foxes"}) {
    bench.hear(Heard::kPaused, 1);
    bench.transcript(TranscriptKind::kPartial, 1, words);
    bench.advance(60 * kMillisecond);
    bench.hear(Heard::kConfirmed, 1);
  }
  CHECK(bench.model->real_calls() == 3);
  end_with(bench, "Tell me a story about foxes");
  CHECK(bench.model->real_calls() == 4);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("words that are there before their pause are a guess at it, older ones are not") {
  BrainBench bench;
  bench.hear(Heard::kStarted, 1);
  bench.hear(Heard::kConfirmed, 1);
  bench.advance(600 * kMillisecond);
  const Nanos first_end = bench.clock.now();
  bench.advance(90 * kMillisecond);
  bench.transcript(TranscriptKind::kPartial, 1, "Tell me", 0, first_end);
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 0);
  SUBCASE("their pause") {
    bench.hear(Heard::kPaused, 1, first_end + kMillisecond);
    CHECK(bench.model->real_calls() == 1);
  }
  SUBCASE("a later one: the person spoke on, and the words to come are not there yet") {
    bench.hear(Heard::kPaused, 1, first_end + 40 * kMillisecond);
    bench.advance(60 * kMillisecond);
    CHECK(bench.model->real_calls() == 0);
    bench.transcript(TranscriptKind::kPartial, 1, "Tell me a story", 0, first_end + 40 * kMillisecond);
    bench.advance(60 * kMillisecond);
    CHECK(bench.model->real_calls() == 1);
  }
}

TEST_CASE("a noise in the pause ends the guess; at the next pause it is made again") {
  BrainBench bench;
  pause_with(bench, "Hello there");
  bench.transcript(TranscriptKind::kPartial, 1, "Hello there");  // it is under way
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 1);
  bench.hear(Heard::kConfirmed, 1);
  CHECK(bench.model->newest()->cancelled);
  bench.hear(Heard::kPaused, 1);
  bench.transcript(TranscriptKind::kPartial, 1, "Hello there");
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->real_calls() == 2);
  bench.model->reply("Hi.");
  end_with(bench, "Hello there");
  CHECK(bench.model->real_calls() == 2);
  CHECK(bench.spoken() == "<Hi.>|");
}

TEST_CASE("with brain.preemptive off only the cache is warmed; what comes to nothing is cancelled") {
  BrainBench off({"brain.preemptive=off"});
  pause_with(off, "Hello there");
  CHECK(off.model->real_calls() == 0);

  BrainBench bench;
  pause_with(bench, "Hello there");
  bench.hear(Heard::kDiscarded, 1);
  CHECK(bench.model->newest()->cancelled);
}

TEST_CASE(
    "an answer that takes long is announced once, and the announcement is no part of the conversation") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  bench.advance(2900 * kMillisecond);
  CHECK(bench.spoken().empty());
  bench.advance(100 * kMillisecond);
  CHECK(bench.spoken() == "<One moment.>");
  bench.advance(3 * kSecond);
  CHECK(bench.spoken().empty());
  bench.play(Played::kStarted, 1);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kSegmentDone, 1, 0, 11);
  CHECK(bench.state() == State::kProcessing);
  bench.model->reply("Paris.");
  bench.work();
  CHECK(bench.spoken() == "<Paris.>|");
  bench.play(Played::kHeard, 1, 1, 0);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kTurnDone, 1);
  CHECK(last_reply(bench) == "Paris.");
  bench.advance(kSecond);
  bench.say(2, "And of Spain?");
  REQUIRE(bench.model->newest()->request.messages.size() == 3);
  CHECK(bench.model->newest()->request.messages[1].text == "Paris.");
  const auto turns = ipc::read_turns(bench.page().turns);
  REQUIRE(turns.size() == 1);
  CHECK(turns[0].at(ipc::TurnStamp::kNotice) > 0);
  CHECK(turns[0].at(ipc::TurnStamp::kFirstSegment) > turns[0].at(ipc::TurnStamp::kNotice));
}

TEST_CASE("no announcement while the answer is spoken, in Korean another, with 0 none") {
  BrainBench quick;
  quick.say(1, "Tell me a story");
  quick.model->say(quick.model->newest()->id, "Once there was a king. He ");
  quick.work();
  quick.advance(10 * kSecond);
  CHECK(quick.spoken() == "<Once there was a king.>");

  BrainBench korean({"general.language=ko"});
  korean.say(1, "프랑스의 수도는?");
  korean.advance(3 * kSecond);
  CHECK(korean.spoken() == "<잠시만요.>");

  BrainBench none({"brain.wait_notice_ms=0"});
  none.say(1, "Tell me a story");
  none.advance(10 * kSecond);
  CHECK(none.spoken().empty());
}

TEST_CASE("a model that fails or says nothing after the announcement still gets its notice") {
  BrainBench bench;
  bench.say(1, "Hello");
  bench.advance(3 * kSecond);
  bench.model->fail(bench.model->newest()->id, http::ErrorClass::kAuth);
  bench.work();
  CHECK(bench.spoken() == "<One moment.><Sorry, my language model refuses my key.>|");

  BrainBench empty;
  empty.say(1, "Hello");
  empty.advance(3 * kSecond);
  empty.model->done(empty.model->newest()->id);
  empty.work();
  CHECK(empty.spoken() == "<One moment.><Sorry, I have no answer to that.>|");
}

TEST_CASE("a brain that dies behind the announcement asks again and does not announce twice") {
  BrainBench bench;
  bench.say(1, "What is the capital of France?");
  bench.advance(3 * kSecond);
  CHECK(bench.spoken() == "<One moment.>");
  bench.restart();
  bench.advance(kSecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.spoken().empty());
  bench.model->reply("Paris.");
  bench.work();
  const auto sent = bench.sent("speech");
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].text == "Paris.");
  CHECK(sent[0].number == 1);  // behind the announcement
  bench.play(Played::kTurnDone, 1);
  CHECK(last_reply(bench) == "Paris.");
}
