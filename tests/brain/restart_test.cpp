#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "told_story.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

TEST_CASE("a brain that dies before the first word answers once, and the message is accepted once") {
  BrainBench bench;
  bench.say(1, "What is two plus two?");
  CHECK(look(bench).users == 1);
  bench.restart();
  CHECK(bench.state() == State::kProcessing);
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.back().text == "What is two plus two?");
  bench.model->reply("Four.");
  bench.work();
  CHECK(bench.spoken() == "<Four.>|");
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  const Seen seen = look(bench);
  CHECK(seen.users == 0);
  CHECK(seen.ends == 1);
  CHECK(seen.last_end == "Four.");
  bench.restart();
  CHECK(bench.model->newest() == nullptr);
  CHECK(bench.state() == State::kActive);
  bench.say(2, "And plus one?");
  CHECK(bench.turn() == 2);
}

TEST_CASE("a brain that dies after the last word waits for the loudspeaker and commits once") {
  BrainBench bench;
  bench.say(1, "Say hello");
  bench.model->reply("Hello to you.");
  bench.work();
  CHECK(bench.spoken() == "<Hello to you.>|");
  bench.restart();
  CHECK(bench.spoken().empty());
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  Seen seen = look(bench);
  CHECK(seen.ends == 1);
  CHECK(seen.last_end == "Hello to you.");
  CHECK_FALSE(seen.interrupted);
  bench.restart();
  seen = look(bench);
  CHECK(seen.ends == 0);
}

TEST_CASE("a brain that dies after the interruption commits what was heard") {
  BrainBench bench({"player.headphones=true"});
  tell(bench);
  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kConfirmed, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "Enough");
  bench.restart();
  CHECK(bench.state() == State::kInterrupted);
  bench.play(Played::kCutAt, 1, 0, 10);
  CHECK(bench.state() == State::kListening);
  const Seen seen = look(bench);
  CHECK(seen.ends == 1);
  CHECK(seen.last_end == "Once there");
  CHECK(seen.interrupted);
  bench.transcript(TranscriptKind::kFinal, 2, "Enough");
  CHECK(bench.turn() == 2);
}

TEST_CASE("a message that waits for room in turns is not lost with its brain") {
  BrainBench bench({}, {{"turns", 64 * 1024}});
  // Memory sleeps: the ring fills up.
  ipc::Output& transcripts = bench.run->into("transcript");
  std::uint32_t utterance = 0;
  while (bench.run->counter("turns_waiting") == 0 && utterance < 200) {
    ++utterance;
    bench.say(utterance, "words " + std::string(2000, 'x') + std::to_string(utterance));
    if (bench.model->newest() != nullptr && bench.run->counter("turns_waiting") == 0) {
      bench.model->reply("Yes.");
      bench.work();
      bench.play(Played::kTurnDone, bench.turn());
    }
  }
  REQUIRE(bench.run->counter("turns_waiting") > 0);
  const std::uint64_t kept = transcripts.used();
  bench.restart();
  CHECK(transcripts.used() <= kept);
  std::vector<std::string> heard;
  for (int i = 0; i < 20; ++i) {
    for (const Sent& one : bench.sent("turns"))
      if (one.kind == wire::Kind::kUserMessage) heard.push_back(one.text);
    bench.advance(100 * kMillisecond);
    if (bench.model->newest() != nullptr && !bench.stage->finished()) bench.work();
  }
  REQUIRE(heard.size() == utterance);
  for (std::uint32_t i = 0; i < utterance; ++i) CHECK(heard[i].ends_with("x" + std::to_string(i + 1)));
}

TEST_CASE("without memory a brain that dies with the question accepted still answers it, once") {
  BrainBench bench({"memory.enabled=false"});
  bench.say(1, "What is two plus two?");
  REQUIRE(bench.run->into("transcript").used() == 0);  // released: nobody else has it
  bench.restart();
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.back().text == "What is two plus two?");
  bench.model->reply("Four.");
  bench.work();
  CHECK(bench.spoken() == "<Four.>|");
}

TEST_CASE("a reply that kills its brain twice is given up aloud") {
  BrainBench bench;
  bench.say(1, "Kill me");
  bench.restart();
  bench.restart();
  CHECK(bench.spoken() == "<Sorry, I can't reach my language model.>|");
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("a restarted brain asks for the conversation and puts it before what it knows") {
  BrainBench bench;
  bench.say(1, "What is two plus two?");
  bench.sent("turns");
  bench.restart();
  std::uint64_t request = 0;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kHistoryRequest) request = one.number;
  REQUIRE(request != 0);
  CHECK(bench.model->newest() == nullptr);  // a moment for memory
  wire::History head{};
  head.conversation = brain::conversation_of_run(bench.context->environment().run_id);
  head.request = request;
  (void)wire::send(bench.run->into("recall"), head,
                   wire::as_bytes(R"([{"role":"user","text":"Hi"},{"role":"assistant","text":"Hello."},)"
                                  R"({"role":"user","text":"What is two plus two?"}])"),
                   {});
  bench.work();
  REQUIRE(bench.model->newest() != nullptr);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].text == "Hello.");
}

TEST_CASE("the drain finishes the reply, forwards the end and waits for the player's last word") {
  BrainBench bench;
  bench.say(1, "Say hello");
  bench.end_of_stream("hearing");
  bench.end_of_stream("transcript");
  CHECK(bench.spoken().empty());
  bench.model->reply("Hello to you.");
  bench.work();
  CHECK(bench.spoken() == "<Hello to you.>|");
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  const auto speech = bench.sent("speech");
  REQUIRE(speech.size() == 1);
  CHECK(speech[0].kind == wire::Kind::kEndOfStream);
  CHECK_FALSE(bench.stage->finished());
  bench.restart();  // in the middle of the drain: the step is repeated
  bench.end_of_stream("playback");
  CHECK(bench.stage->finished());
  const auto turns = bench.sent("turns");
  CHECK(turns.back().kind == wire::Kind::kEndOfStream);
  CHECK(std::count_if(turns.begin(), turns.end(),
                      [](const Sent& one) { return one.kind == wire::Kind::kReplyEnd; }) == 1);
}

TEST_CASE("drain now cuts the reply and keeps what is still said") {
  BrainBench bench;
  bench.say(1, "Say hello");
  bench.model->say(bench.model->newest()->id, "Hello to you. And ");
  bench.work();
  bench.run->set_drain(ipc::Drain::kNow);
  bench.work();
  CHECK(bench.page().cancelled_turn.load() == 1);
  bench.play(Played::kCutAt, 1, 0, 5);
  bench.transcript(TranscriptKind::kFinal, 2, "My cat is called Momo");
  bench.end_of_stream("transcript");
  bench.run->close_producer("playback");
  bench.work();
  CHECK(bench.stage->finished());
  const Seen seen = look(bench);
  CHECK(seen.users == 2);
  CHECK(seen.ends == 2);
}

TEST_CASE("messages go to the spool when turns has no room for two seconds, and the conversation goes on") {
  BrainBench bench({}, {{"turns", 64 * 1024}});
  std::uint32_t utterance = 0;
  const auto spooled = [&] {
    const auto folder = bench.context->environment().paths.state / "spool" / "brain";
    std::string all;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  };
  const auto has_newest = [&] {
    return spooled().find("x" + std::to_string(utterance) + ".") != std::string::npos;
  };
  while (!has_newest() && utterance < 100) {
    ++utterance;
    bench.say(utterance, "words " + std::string(2000, 'x') + std::to_string(utterance) + ".");
    bench.model->reply("Yes.");
    bench.work();
    bench.play(Played::kStarted, bench.turn());
    bench.play(Played::kTurnDone, bench.turn());
    bench.sent("speech");
    bench.advance(3 * kSecond);
  }
  CHECK(has_newest());
  CHECK(bench.state() == State::kActive);
  CHECK(bench.run->into("transcript").used() == 0);
}
