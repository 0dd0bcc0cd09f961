// A brain that dies within an answer: what was said stays, and the rest is said.
#include <doctest/doctest.h>

#include "fake_tool.hpp"
#include "told_story.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Played;

namespace {

void on_board(BrainBench& bench, std::uint32_t segment, std::uint64_t bytes) {
  ipc::PlaybackPage& played = bench.run->board_of("player").playback();
  played.turn = 1;
  played.segment = segment;
  played.bytes_heard = bytes;
}

// The first sentence is at the loudspeaker; of the second only the beginning has come.
void begin(BrainBench& bench) {
  bench.say(1, "Tell me two things");
  bench.model->say(bench.model->newest()->id, "The first is water. The second ");
  bench.work();
  REQUIRE(bench.spoken() == "<The first is water.>");
  bench.play(Played::kStarted, 1);
  on_board(bench, 0, 9);
}

}  // namespace

TEST_CASE("a brain that dies in the middle of speaking has the model go on behind what was spoken") {
  BrainBench bench;
  begin(bench);
  bench.restart();
  CHECK(bench.state() == State::kSpeaking);
  CHECK(bench.spoken().empty());
  bench.advance(300 * kMillisecond);  // memory tells nothing of what was said before
  REQUIRE(bench.model->newest() != nullptr);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 2);
  CHECK(messages[0].text == "Tell me two things");
  CHECK(messages[1].role == brain::Role::kAssistant);
  CHECK(messages[1].text == "The first is water.");
  bench.play(Played::kSegmentDone, 1, 0, 19);
  SUBCASE("it goes on") { bench.model->reply(" The second is fire."); }
  SUBCASE("it begins anew, which is not heard twice") {
    bench.model->reply("The first is water. The second is fire.");
  }
  bench.work();
  CHECK(bench.spoken() == "<The second is fire.>|");
  bench.play(Played::kSegmentDone, 1, 1, 19);
  bench.play(Played::kTurnDone, 1, 1, 19);
  const Seen seen = look(bench);
  CHECK(seen.users == 1);
  CHECK(seen.ends == 1);
  CHECK(seen.last_end == "The first is water. The second is fire.");
  CHECK_FALSE(seen.interrupted);
  CHECK(bench.state() == State::kActive);
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("when the model cannot be had any more, the person is told, and what was heard is kept") {
  BrainBench bench;
  begin(bench);
  SUBCASE("it fails") {
    bench.restart();
    bench.advance(300 * kMillisecond);
    bench.model->fail(bench.model->newest()->id, http::ErrorClass::kRetry);
    bench.work();
  }
  SUBCASE("it kills its brain") {
    bench.restart();
    bench.restart();
  }
  CHECK(bench.spoken() == "<Sorry, I can't reach my language model.>|");
  bench.play(Played::kTurnDone, 1, 1, 5);
  const Seen seen = look(bench);
  CHECK(seen.ends == 1);
  CHECK(seen.last_end == "The first is water.");
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("what had been written down but not given to the voice is said by the next brain") {
  BrainBench bench({}, {{"speech", 64 * 1024}});
  bench.say(1, "Tell me a lot");
  // tts sleeps: the ring fills up, and the rest waits in the brain.
  std::string all;
  std::size_t told = 0;
  while (bench.run->counter("speech_waiting") == 0 && told < 400) {
    const std::string sentence = "Number " + std::to_string(++told) + " " + std::string(600, 'x') + ". ";
    bench.model->say(bench.model->newest()->id, sentence);
    bench.work();
  }
  REQUIRE(bench.run->counter("speech_waiting") > 0);
  SUBCASE("all of it, when the model had said its last") {
    bench.model->done(bench.model->newest()->id);
    bench.work();
    bench.restart();
    CHECK(bench.model->newest() == nullptr);
  }
  SUBCASE("and then the model goes on") {
    bench.restart();
    bench.advance(300 * kMillisecond);
    REQUIRE(bench.model->newest() != nullptr);
    const std::string said = bench.model->newest()->request.messages.back().text;
    CHECK(said.find("Number " + std::to_string(told - 1)) != std::string::npos);
    // The last sentence was not complete when its brain died.
    const std::string last = "Number " + std::to_string(told) + " x. ";
    bench.model->reply(last + "Number " + std::to_string(++told) + " x.");
  }
  for (int i = 0; i < 10; ++i) {
    all += bench.spoken();
    bench.work();
  }
  REQUIRE(all.ends_with("|"));
  std::size_t at = 0;
  for (std::size_t i = 1; i < told; ++i) {
    const std::string number = "<Number " + std::to_string(i);
    CAPTURE(number);
    CHECK(all.find(number) != std::string::npos);
    CHECK(all.find(number + " ", at) == all.rfind(number + " "));  // once, in order
    at = std::max(at, all.find(number));
  }
}

TEST_CASE("after a tool the answer is gone on with, and the tool is not used again") {
  bool begun = false;
  SUBCASE("before its first word") {}
  SUBCASE("behind it") { begun = true; }
  const auto desk = std::make_shared<ToolDesk>();
  BrainBench bench({}, {}, [desk] { return one_tool("lamp", desk); });
  bench.say(1, "Switch on the lamp");
  bench.model->use_tools("Let me see.", {{"call_0001", "lamp", "{}"}});
  bench.work();
  CHECK(bench.spoken() == "<Let me see.>");
  bench.play(Played::kStarted, 1);
  on_board(bench, 0, 3);
  desk->answer = "it is on";
  bench.work();
  if (begun) {
    bench.model->say(bench.model->newest()->id, "The lamp is on. It ");
    bench.work();
    CHECK(bench.spoken() == "<The lamp is on.>");
  }
  bench.restart();
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == (begun ? 4 : 3));
  CHECK(messages[1].tool_calls.size() == 1);
  CHECK(messages[2].text == "it is on");
  if (begun) CHECK(messages[3].text == "The lamp is on.");
  bench.model->reply(begun ? " It is warm." : "The lamp is on. It is warm.");
  bench.work();
  CHECK(bench.spoken() == (begun ? "<It is warm.>|" : "<The lamp is on.><It is warm.>|"));
  bench.play(Played::kTurnDone, 1, 2, 11);
  CHECK(desk->started.size() == 1);
  CHECK(look(bench).last_end == "Let me see. The lamp is on. It is warm.");
  bench.advance(kSecond);
  bench.say(2, "Thanks");
  const auto& after = bench.model->newest()->request.messages;
  REQUIRE(after.size() == 5);
  CHECK(after[2].text == "it is on");
  CHECK(after[3].text == "The lamp is on. It is warm.");
}
