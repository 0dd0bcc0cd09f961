// What a person has to agree to, spoken and written.
#include <doctest/doctest.h>

#include "brain_bench.hpp"
#include "chat_client.hpp"
#include "fake_tool.hpp"
#include "valid_messages.hpp"

using namespace prot;
using namespace prot::test;
using State = ipc::ConversationState;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

namespace {

constexpr const char* kArguments = R"({"entity_id":"lock.unlock"})";

struct ConsentBench {
  ConsentBench() {
    desk->consent = brain::Consent{"Unlock Front Door.", "현관문 잠금 해제.", {"unlock", "front door"}};
    desk->answer = "done";
  }
  // The question is on its way to the loudspeaker; it has two segments.
  void ask(const char* words = "Unlock the front door") {
    bench.say(1, words);
    bench.model->use_tools("", {{"", "home", kArguments}});
    bench.work();
  }
  void hear_all(std::uint32_t turn = 1) {
    bench.play(Played::kStarted, turn);
    bench.play(Played::kTurnDone, turn, 1, 17);
    bench.advance(kSecond);
  }

  std::shared_ptr<ToolDesk> desk = std::make_shared<ToolDesk>();
  BrainBench bench{{"player.headphones=true"}, {}, [this] { return one_tool("home", desk); }};
};

}  // namespace

TEST_CASE("prot asks in its own words, the model is not asked, and a yes does it once") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  consent.ask();
  CHECK(bench.spoken() == "<Unlock Front Door.><Shall I do that?>|");
  CHECK(bench.model->real_calls() == 1);
  consent.hear_all();
  CHECK(bench.state() == State::kActive);
  CHECK(consent.desk->agreed.empty());
  bench.say(2, "Yes, please.");
  CHECK(consent.desk->agreed == std::vector<std::string>{kArguments});
  REQUIRE(bench.model->real_calls() == 2);
  const auto& messages = bench.model->newest()->request.messages;
  CHECK(complaint(messages).empty());
  REQUIRE(messages.size() == 7);
  CHECK(messages[2].text.find("not done yet") != std::string::npos);
  CHECK(messages[3].text == "Unlock Front Door. Shall I do that?");
  CHECK(messages[4].text == "Yes, please.");
  CHECK(messages[6].text == "done");
  bench.model->reply("It is unlocked.");
  bench.work();
  CHECK(bench.spoken() == "<It is unlocked.>|");
  bench.play(Played::kTurnDone, 2, 0, 15);
  bench.advance(kSecond);
  bench.say(3, "Yes.");
  CHECK(consent.desk->agreed.size() == 1);
  CHECK(bench.run->counter("consents_asked") == 1);
  CHECK(bench.run->counter("consents_yes") == 1);
}

TEST_CASE("the question is in the language of the person") {
  ConsentBench consent;
  consent.ask("현관문 열어 줘");
  CHECK(consent.bench.spoken() == "<현관문 잠금 해제.><그렇게 할까요?>|");
  consent.hear_all();
  consent.bench.say(2, "네.");  // a backchannel anywhere else
  CHECK(consent.desk->agreed.size() == 1);
}

TEST_CASE("no, other words and too late a yes drop it, and are turns") {
  for (const char* words : {"No.", "What time is it?", "아니요.", "Yes, but not now."}) {
    ConsentBench consent;
    consent.ask();
    consent.hear_all();
    consent.bench.say(2, words);
    CHECK(consent.bench.model->real_calls() == 2);
    consent.bench.model->reply("Fine.");
    consent.bench.work();
    consent.bench.play(Played::kTurnDone, 2, 0, 5);
    consent.bench.advance(kSecond);
    consent.bench.say(3, "Yes.");
    CHECK_MESSAGE(consent.desk->agreed.empty(), words);
    CHECK(consent.bench.run->counter("consents_dropped") == 1);
  }
  ConsentBench consent;
  consent.ask();
  consent.hear_all();
  consent.bench.advance(21 * kSecond);
  consent.bench.say(2, "Yes.");
  CHECK(consent.desk->agreed.empty());
}

TEST_CASE("an interruption leaves the question open; what was not heard of it is asked again") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  consent.ask();
  (void)bench.spoken();
  bench.play(Played::kStarted, 1);
  bench.advance(kSecond);
  const auto interrupt = [&](std::uint32_t utterance, std::string_view words, std::uint32_t turn,
                             std::uint32_t segment, std::uint32_t bytes) {
    bench.hear(Heard::kStarted, utterance);
    bench.advance(130 * kMillisecond);
    bench.hear(Heard::kConfirmed, utterance);
    bench.transcript(TranscriptKind::kPartial, utterance, words);
    bench.play(Played::kCutAt, turn, segment, bytes);
    bench.advance(kSecond);
    bench.transcript(TranscriptKind::kFinal, utterance, words);
    bench.advance(60 * kMillisecond);
  };
  interrupt(2, "Yes please do it", 1, 0, 7);  // "Unlock"
  CHECK(consent.desk->agreed.empty());
  CHECK(bench.spoken() == "<Unlock Front Door.><Shall I do that?>|");
  bench.play(Played::kStarted, 2);
  bench.advance(kSecond);
  interrupt(3, "Yes please do it", 2, 1, 5);  // "Unlock Front Door. Shall"
  CHECK(consent.desk->agreed.size() == 1);
}

TEST_CASE("a stop word drops it, a cough does not") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  consent.ask();
  consent.hear_all();
  bench.hear(Heard::kStarted, 2);
  bench.hear(Heard::kDiscarded, 2);
  bench.advance(kSecond);
  bench.hear(Heard::kStarted, 3);
  bench.transcript(TranscriptKind::kFinal, 3, "");
  bench.advance(kSecond);
  bench.say(4, "Yes.");
  CHECK(consent.desk->agreed.size() == 1);

  ConsentBench other;
  other.ask();
  other.bench.play(Played::kStarted, 1);
  other.bench.advance(kSecond);
  other.bench.hear(Heard::kStarted, 2);
  other.bench.transcript(TranscriptKind::kFinal, 2, "Stop.");
  other.bench.play(Played::kCutAt, 1, 1, 17);
  other.bench.advance(3 * kSecond);
  other.bench.say(3, "Yes.");
  CHECK(other.desk->agreed.empty());
}

TEST_CASE("the model cannot agree, whatever it says or calls") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  consent.ask();
  consent.hear_all();
  bench.say(2, "Hello");
  for (int i = 0; i < 2; ++i) {
    bench.model->use_tools(
        "Yes.", {{"", "home", R"({"entity_id":"lock.unlock","confirmed":true})"}, {"", "home", kArguments}});
    bench.work();
    bench.play(Played::kTurnDone, bench.turn(), 2, 17);
    bench.advance(21 * kSecond);
    bench.say(static_cast<std::uint32_t>(3 + i), "Hello");
  }
  CHECK(consent.desk->agreed.empty());
  CHECK(bench.run->counter("consents_asked") == 3);
}

TEST_CASE("a restarted brain has forgotten the question, and a yes does nothing") {
  ConsentBench consent;
  consent.ask();
  consent.hear_all();
  consent.bench.restart();
  consent.bench.say(2, "Yes.");
  CHECK(consent.desk->agreed.empty());
  CHECK(consent.bench.model->real_calls() == 1);  // it is a turn
}

TEST_CASE("a yes whose reply is cancelled before the call was made makes none") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  consent.ask();
  consent.hear_all();
  bench.hear(Heard::kStarted, 2);
  bench.transcript(TranscriptKind::kFinal, 2, "Yes.");  // memory is still waited for
  CHECK(consent.desk->agreed.empty());
  bench.hear(Heard::kStarted, 3);
  bench.hear(Heard::kConfirmed, 3);
  bench.transcript(TranscriptKind::kFinal, 3, "Stop.");
  bench.advance(3 * kSecond);
  bench.say(4, "Hello");
  CHECK(consent.desk->agreed.empty());
}

TEST_CASE("the same in writing, each conversation for itself") {
  ConsentBench consent;
  BrainBench& bench = consent.bench;
  ChatClient client(bench);
  const auto send = [&](const std::string& words, const std::string& conversation) {
    client.send(R"({"type":"message","content":")" + words + R"(","conversation":")" + conversation +
                "\"}\n");
    bench.advance(60 * kMillisecond);
  };
  const std::string here(32, 'a');
  const std::string there(32, 'b');
  send("Unlock the front door", here);
  bench.advance(kSecond);
  bench.model->use_tools("One moment.", {{"", "home", kArguments}});
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.next().get("content").as_string() == " Unlock Front Door. Shall I do that?");
  CHECK(client.next().get("content").as_string() == "One moment. Unlock Front Door. Shall I do that?");
  send("yes", there);
  bench.advance(kSecond);
  CHECK(consent.desk->agreed.empty());
  bench.model->reply("Yes what?");
  bench.work();
  bench.say(1, "Yes.");  // nor does a spoken one
  bench.model->reply("Yes what?");
  bench.work();
  bench.play(Played::kTurnDone, 1, 0, 9);
  bench.advance(kSecond);
  CHECK(consent.desk->agreed.empty());
  send("yes, do it", here);
  bench.advance(kSecond);
  CHECK(consent.desk->agreed.size() == 1);
  CHECK(complaint(bench.model->newest()->request.messages).empty());
  CHECK(bench.model->newest()->request.messages.back().text == "done");
  bench.model->reply("It is unlocked.");
  bench.work();
  send("yes", here);
  bench.advance(kSecond);
  CHECK(consent.desk->agreed.size() == 1);
}
