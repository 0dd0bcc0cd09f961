// Tools in a spoken turn.
#include <doctest/doctest.h>

#include <random>

#include "brain_bench.hpp"
#include "fake_tool.hpp"
#include "valid_messages.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

struct ToolBench {
  explicit ToolBench(std::vector<std::string> overrides = {})
      : bench(std::move(overrides), {}, [this] { return one_tool("lamp", desk); }) {}
  const std::vector<brain::Message>& asked() { return bench.model->newest()->request.messages; }

  std::shared_ptr<ToolDesk> desk = std::make_shared<ToolDesk>();
  BrainBench bench;
};

}  // namespace

TEST_CASE("what is said before a call is spoken to its end, the tool runs meanwhile, and the reply goes on") {
  ToolBench tools;
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  CHECK(bench.model->newest()->request.tools.at(0).name == "lamp");
  const std::string context = bench.model->newest()->request.context;
  bench.model->use_tools("Let me see", {{"call_abcdefgh", "lamp", "{}"}});
  bench.work();
  CHECK(bench.spoken() == "<Let me see>");  // nothing is kept back, and the turn is not over
  CHECK(tools.desk->open == 1);
  CHECK(bench.state() == State::kProcessing);
  bench.play(Played::kStarted, 1);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kSegmentDone, 1, 0, 10);
  CHECK(bench.state() == State::kProcessing);  // silence between the rounds
  bench.advance(kSecond);
  tools.desk->answer = "on";
  bench.work();
  REQUIRE(bench.model->real_calls() == 2);
  REQUIRE(tools.asked().size() == 3);
  CHECK(tools.asked()[1].text == "Let me see");
  CHECK(tools.asked()[2].text == "on");
  CHECK(bench.model->newest()->request.context == context);
  bench.model->reply("It is on.");
  bench.work();
  CHECK(bench.spoken() == "<It is on.>|");
  bench.play(Played::kHeard, 1, 1, 3);
  CHECK(bench.state() == State::kSpeaking);
  bench.play(Played::kSegmentDone, 1, 1, 9);
  bench.play(Played::kTurnDone, 1, 1, 9);
  CHECK(bench.state() == State::kActive);
  std::string stored;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kReplyEnd) stored = one.text;
  CHECK(stored == "Let me see It is on.");
  bench.advance(kSecond);
  bench.say(2, "Thanks");
  REQUIRE(tools.asked().size() == 5);
  CHECK(tools.asked()[1].text == "Let me see");
  CHECK(tools.asked()[3].text == "It is on.");
  CHECK(bench.run->counter("refused_transitions") == 0);
}

TEST_CASE("a sentence that outlasts its tool is not cut by what comes behind it") {
  ToolBench tools;
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  tools.desk->answer = "on";
  bench.model->use_tools("Let me see.", {{"", "lamp", "{}"}});
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.model->reply("It is on.");
  bench.work();
  CHECK(bench.spoken() == "<Let me see.><It is on.>|");
  bench.play(Played::kSegmentDone, 1, 0, 11);
  CHECK(bench.state() == State::kSpeaking);
  CHECK(bench.page().cancelled_turn.load() == 0);
  bench.play(Played::kTurnDone, 1, 1, 9);
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("interrupted while a tool runs: it is cancelled and closed, what was finished and heard stays") {
  ToolBench tools({"player.headphones=true"});
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  bench.model->use_tools("Let me see.", {{"", "lamp", "{}"}, {"", "no such tool", "{}"}});
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(kSecond);
  bench.hear(Heard::kStarted, 2);
  bench.advance(130 * kMillisecond);
  bench.hear(Heard::kConfirmed, 2);
  bench.transcript(TranscriptKind::kPartial, 2, "What about the kitchen");
  CHECK(tools.desk->open == 0);
  CHECK(bench.page().cancelled_turn.load() == 1);
  bench.play(Played::kCutAt, 1, 0, 6);
  tools.desk->answer = "too late";
  bench.advance(kSecond);
  bench.transcript(TranscriptKind::kFinal, 2, "What about the kitchen");
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->real_calls() == 2);
  const auto& messages = tools.asked();
  REQUIRE(messages.size() == 6);
  CHECK(messages[1].text == "Let me");
  CHECK(messages[1].tool_calls.size() == 2);
  CHECK(messages[2].text == brain::kInterruptedResult);
  CHECK(messages[3].text.find("there is no tool") != std::string::npos);
  CHECK(messages[4].text == "[interrupted]");
  CHECK(messages[5].text == "What about the kitchen");
}

TEST_CASE("interrupted behind a tool: the context has the rounds and exactly the words that were heard") {
  ToolBench tools({"player.headphones=true"});
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  tools.desk->answer = "on";
  bench.model->use_tools("Let me see.", {{"", "lamp", "{}"}});
  bench.work();
  bench.model->reply("It is on, and it is bright.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.play(Played::kSegmentDone, 1, 0, 11);
  bench.advance(kSecond);
  bench.hear(Heard::kStarted, 2);
  bench.advance(130 * kMillisecond);
  bench.hear(Heard::kConfirmed, 2);
  bench.play(Played::kCutAt, 1, 1, 5);
  bench.advance(kSecond);
  bench.transcript(TranscriptKind::kFinal, 2, "Thank you very much");
  bench.advance(60 * kMillisecond);
  const auto& messages = tools.asked();
  REQUIRE(messages.size() == 5);
  CHECK(messages[1].text == "Let me see.");
  CHECK(messages[2].text == "on");
  CHECK(messages[3].text == "It is [interrupted]");
}

TEST_CASE("a tool that never answers, and a model that never stops calling, end in words") {
  ToolBench tools;
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  bench.model->use_tools("", {{"", "lamp", "{}"}});
  bench.work();
  bench.advance(9 * kSecond);
  CHECK(bench.model->real_calls() == 1);
  bench.advance(kSecond);
  REQUIRE(bench.model->real_calls() == 2);
  CHECK(tools.asked()[2].text.find("no answer within 10 s") != std::string::npos);
  tools.desk->answer = "on";
  for (int i = 0; i < 4; ++i) {
    bench.model->use_tools("", {{"", "lamp", "{}"}});
    bench.work();
  }
  CHECK(bench.model->real_calls() == 4);
  CHECK(bench.model->newest()->request.no_calls);
  CHECK(bench.spoken() == "<One moment.><Sorry, I have no answer to that.>|");
  bench.play(Played::kTurnDone, 1);
  CHECK(bench.state() == State::kActive);
}

TEST_CASE("a tool that takes longer than 1.5 s is excused once, when nothing is being said") {
  ToolBench tools;
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  bench.model->use_tools("Let me see.", {{"", "lamp", "{}"}});
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.advance(2 * kSecond);  // of talking
  CHECK(bench.spoken() == "<Let me see.>");
  bench.play(Played::kSegmentDone, 1, 0, 11);
  bench.advance(1499 * kMillisecond);
  CHECK(bench.spoken() == "");
  bench.advance(kMillisecond);
  CHECK(bench.spoken() == "<One moment.>");
  bench.play(Played::kSegmentDone, 1, 1, 11);
  tools.desk->answer = "on";
  bench.work();
  tools.desk->answer.reset();
  bench.model->use_tools("", {{"", "lamp", "{}"}});
  bench.advance(2 * kSecond);
  CHECK(bench.spoken() == "");

  ToolBench quick;
  quick.bench.say(1, "Light, please");
  quick.bench.model->use_tools("", {{"", "lamp", "{}"}});
  quick.bench.work();
  quick.bench.advance(1499 * kMillisecond);
  CHECK(quick.bench.spoken() == "");
  quick.bench.advance(kMillisecond);
  CHECK(quick.bench.spoken() == "<One moment.>");
}

TEST_CASE("a brain that dies with results in hand does not use the tools again") {
  ToolBench tools;
  BrainBench& bench = tools.bench;
  bench.say(1, "Light, please");
  tools.desk->answer = "on";
  bench.model->use_tools("", {{"call_abcdefgh", "lamp", "{}"}});
  bench.work();
  CHECK(bench.model->real_calls() == 2);
  bench.restart();  // before the first word
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  REQUIRE(tools.asked().size() == 3);
  CHECK(tools.asked()[2].text == "on");
  CHECK(tools.desk->started.size() == 1);
  tools.desk->answer.reset();
  bench.model->use_tools("One more moment.", {{"call_12345678", "lamp", "{}"}});
  bench.work();
  bench.restart();  // after it, while the tool runs
  CHECK(tools.desk->started.size() == 2);
  CHECK(bench.spoken() ==
        "<One more moment.><Sorry, I can't reach my language model.>|");  // for the second time
  bench.play(Played::kTurnDone, 1, 1, 38);
  bench.advance(kSecond);
  bench.say(2, "Well?");
  REQUIRE(tools.asked().size() == 7);
  CHECK(tools.asked()[2].text == "on");
  CHECK(tools.asked()[3].text == "One more moment.");
  CHECK(tools.asked()[4].text == brain::kInterruptedResult);
  CHECK(tools.asked()[5].text == "[interrupted]");
}

TEST_CASE("whatever happens in whatever order, every request's messages are valid") {
  std::size_t requests = 0;
  std::size_t with_tools = 0;
  for (unsigned seed = 0; seed < 25; ++seed) {
    ToolBench tools({"player.headphones=true", "brain.history_tokens=400"});
    BrainBench& bench = tools.bench;
    std::mt19937 random(seed);
    std::uint32_t utterance = 0;
    std::size_t checked = 0;
    for (int step = 0; step < 150; ++step) {
      const auto id = bench.model->newest() != nullptr ? bench.model->newest()->id : 0;
      const auto any = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
      switch (random() % 13) {
        case 0:
        case 1:
          bench.say(++utterance, "question " + std::to_string(step));
          break;
        case 2:
        case 3:
          if (id != 0)
            bench.model->use_tools(any(2) == 0 ? "Let me see. And" : "", {{"", "lamp", "{}"}, {"", "x", ""}});
          break;
        case 4:
          if (id != 0) bench.model->say(id, "It is so. It is");
          break;
        case 5:
          if (id != 0) bench.model->done(id);
          break;
        case 6:
          tools.desk->answer = any(2) == 0 ? std::optional<std::string>("on") : std::nullopt;
          break;
        case 7:
          bench.play(Played::kStarted, bench.turn());
          break;
        case 8:
          bench.play(Played::kSegmentDone, bench.turn(), any(4), any(20));
          break;
        case 9:
          bench.play(any(2) == 0 ? Played::kTurnDone : Played::kCutAt, bench.turn(), any(3), any(20));
          break;
        case 10:
          bench.hear(Heard::kStarted, ++utterance);
          bench.hear(Heard::kConfirmed, utterance);
          bench.hear(Heard::kDiscarded, utterance);
          break;
        case 11:
          bench.advance(static_cast<Nanos>(any(12)) * kSecond);
          break;
        default:
          if (any(5) == 0) {
            bench.restart();
            checked = 0;
          }
      }
      bench.work();
      (void)bench.sent("turns");
      (void)bench.spoken();
      for (; checked < bench.model->calls.size(); ++checked) {
        const auto& messages = bench.model->calls[checked].request.messages;
        const std::string wrong = complaint(messages);
        REQUIRE_MESSAGE(wrong.empty(), "seed " << seed << ", step " << step << ": " << wrong);
        ++requests;
        for (const brain::Message& one : messages) with_tools += one.role == brain::Role::kTool ? 1 : 0;
      }
    }
    CHECK(tools.desk->open <= 1);
  }
  CHECK(requests > 500);
  CHECK(with_tools > 500);
}
