// One conversation of voice and text, and what a restart of brain leaves of tools.
#include <doctest/doctest.h>

#include "chat_client.hpp"
#include "fake_tool.hpp"
#include "valid_messages.hpp"

using namespace prot;
using namespace prot::test;
using wire::Played;

namespace {

std::string message(const std::string& text, const std::string& conversation, const std::string& id) {
  json::Writer out;
  out.begin_object().member("type", "message").member("content", text).member("id", id);
  return out.member("conversation", conversation).end_object().str() + "\n";
}

std::string voice_id(BrainBench& bench) {
  return brain::to_string(brain::conversation_of_run(bench.context->environment().run_id));
}

// Memory answers what a restarted brain asked for that conversation.
void tell_history(BrainBench& bench, const std::string& conversation, const std::string& json) {
  wire::History history{};
  REQUIRE(brain::parse_conversation(conversation, history.conversation));
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kHistoryRequest) history.request = one.number;
  REQUIRE(history.request != 0);
  (void)wire::send(bench.run->into("recall"), history, wire::as_bytes(json), {.made_ns = bench.clock.now()});
  bench.work();
}

}  // namespace

TEST_CASE("a chat within the voice's own conversation: neither side answers the other's words") {
  BrainBench bench;
  const std::string id = voice_id(bench);
  ChatClient client(bench);
  bench.say(1, "Tell me a story");
  const auto voice = bench.model->newest()->id;
  bench.model->say(voice, "Once there was a king. ");
  bench.model->done(voice);
  bench.work();
  bench.play(Played::kStarted, 1);  // it is spoken for a while
  client.send(message("What is two plus two?", id, "m1"));
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest()->id != voice);
  const auto& asked = bench.model->newest()->request.messages;
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].text == "What is two plus two?");
  bench.model->reply("Four.");
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");
  bench.play(Played::kTurnDone, 1);
  bench.advance(kSecond);
  bench.say(2, "Go on");
  const auto& all = bench.model->newest()->request.messages;
  REQUIRE(all.size() == 5);
  CHECK(all[0].text == "Tell me a story");
  CHECK(all[1].text == "Once there was a king.");
  CHECK(all[2].text == "What is two plus two?");
  CHECK(all[3].text == "Four.");
  CHECK(all[4].text == "Go on");
  CHECK(complaint(all).empty());
}

TEST_CASE("the person speaks while a text of the same conversation is answered") {
  BrainBench bench;
  const std::string id = voice_id(bench);
  ChatClient client(bench);
  client.send(message("What is two plus two?", id, "m1"));
  bench.advance(300 * kMillisecond);
  const auto text = bench.model->newest()->id;
  bench.say(1, "Tell me a story");
  const auto voice = bench.model->newest()->id;
  REQUIRE(voice != text);
  REQUIRE(bench.model->newest()->request.messages.size() == 1);
  CHECK(bench.model->newest()->request.messages[0].text == "Tell me a story");
  bench.model->reply("Once there was a king.");
  bench.work();
  bench.play(Played::kTurnDone, 1);
  bench.model->say(text, "Four.");
  bench.model->done(text);
  bench.work();
  bench.advance(kSecond);
  bench.say(2, "Go on");
  const auto& all = bench.model->newest()->request.messages;
  REQUIRE(all.size() == 5);
  CHECK(all[0].text == "What is two plus two?");
  CHECK(all[1].text == "Four.");
  CHECK(all[2].text == "Tell me a story");
  CHECK(all[3].text == "Once there was a king.");
}

TEST_CASE("a text message that comes again over a restart does not use its tools again") {
  const auto desk = std::make_shared<ToolDesk>();
  BrainBench bench({}, {}, [desk] { return one_tool("lamp", desk); });
  const std::string id = "00112233445566778899aabbccddeeff";
  const std::string line = message("Switch on the lamp", id, "m1");
  bool finished = false;
  SUBCASE("finished") { finished = true; }
  SUBCASE("under way: what came of it is not known"){} {
    ChatClient client(bench);
    client.send(line);
    bench.advance(300 * kMillisecond);
    bench.model->use_tools("Let me see.", {{"call_0001", "lamp", "{}"}});
    if (finished) desk->answer = "it is on";
    bench.work();
    CHECK(desk->started.size() == 1);
    CHECK(bench.model->real_calls() == (finished ? 2 : 1));
    bench.restart();
  }
  ChatClient client(bench);
  client.send(line);
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].text == "Let me see.");
  CHECK(messages[1].tool_calls.size() == 1);
  CHECK(messages[2].text == (finished ? std::string("it is on") : std::string(brain::kInterruptedResult)));
  CHECK(complaint(messages).empty());
  bench.model->reply("It is on.");
  bench.work();
  CHECK(client.next().get("content").as_string() == "Let me see.");
  CHECK(client.next().get("content").as_string() == " It is on.");
  const json::Document done = client.next();
  CHECK(done.get("type").as_string() == "done");
  CHECK(done.get("content").as_string() == "Let me see. It is on.");
  CHECK(desk->started.size() == 1);
}

TEST_CASE("a restarted brain finds the tool rounds of earlier turns, whole, where they were") {
  const auto desk = std::make_shared<ToolDesk>();
  desk->answer = "it is on";
  BrainBench bench({"memory.recall_tokens=0"}, {}, [desk] { return one_tool("lamp", desk); });
  bench.say(1, "Switch on the lamp");
  bench.model->use_tools("Let me see.", {{"call_0001", "lamp", "{}"}});
  bench.work();
  bench.model->reply("It is on.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  std::uint64_t asked = 0;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kUserMessage) asked = one.number;
  bench.advance(kSecond);
  for (int i = 0; i < 2; ++i) {  // a restart after a restart too
    bench.restart();
    tell_history(bench, voice_id(bench),
                 R"([{"sequence":)" + std::to_string(asked) +
                     R"(,"role":"user","text":"Switch on the lamp"},)"
                     R"({"role":"assistant","text":"Let me see. It is on."}])");
  }
  bench.say(2, "Is it on?");
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 5);
  CHECK(messages[1].text == "Let me see.");
  REQUIRE(messages[1].tool_calls.size() == 1);
  CHECK(messages[2].text == "it is on");
  CHECK(messages[2].tool_call_id == messages[1].tool_calls[0].id);
  CHECK(messages[3].text == "It is on.");
  CHECK(messages[4].text == "Is it on?");
  CHECK(complaint(messages).empty());
}

TEST_CASE("of rounds the newest are kept, within their bounds, over a file that was cut") {
  TempFolder folder;
  const std::string path = (folder.path() / "rounds").string();
  const wire::ConversationId talk{1, 2};
  const auto round = [](const std::string& result) {
    brain::ToolRound one;
    one.exchanges.push_back({{"call_0001", "lamp", "{}"}, result});
    one.verbatim = "not for ever";
    return std::vector<brain::ToolRound>{one};
  };
  {
    brain::RoundsJournal journal(path, "run");
    journal.load();
    journal.keep(talk, 1, {});
    for (std::uint64_t i = 1; i <= 100; ++i) journal.keep(talk, i, round(std::to_string(i)));
    CHECK(journal.find(talk, 84).empty());
  }
  CHECK(std::filesystem::file_size(path) < 16384);
  {
    brain::RoundsJournal journal(path, "run");
    journal.load();
    CHECK(journal.find(talk, 84).empty());
    REQUIRE(journal.find(talk, 85).size() == 1);
    CHECK(journal.find(talk, 100)[0].exchanges[0].result == "100");
    CHECK(journal.find(talk, 100)[0].verbatim.empty());
    CHECK(journal.find({3, 4}, 100).empty());
    for (std::uint64_t i = 101; i <= 104; ++i) journal.keep(talk, i, round(std::string(300'000, 'x')));
    CHECK(journal.find(talk, 103).empty());
    CHECK(journal.find(talk, 104).size() == 1);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 10);
  brain::RoundsJournal cut(path, "run");
  cut.load();
  CHECK(cut.find(talk, 104).empty());
  brain::RoundsJournal other(path, "another run");
  other.load();
  CHECK(other.find(talk, 103).empty());
}

TEST_CASE("a text message that is sent again after its answer failed has its tool rounds once") {
  const auto desk = std::make_shared<ToolDesk>();
  desk->answer = "it is on";
  BrainBench bench({}, {}, [desk] { return one_tool("lamp", desk); });
  const std::string line = message("Switch on the lamp", "00112233445566778899aabbccddeeff", "m1");
  ChatClient client(bench);
  client.send(line);
  bench.advance(300 * kMillisecond);
  bench.model->use_tools("", {{"call_0001", "lamp", "{}"}});
  bench.work();
  bench.model->fail(bench.model->newest()->id, http::ErrorClass::kRetry);
  bench.work();
  CHECK(client.type() == "error");
  client.send(line);
  bench.advance(300 * kMillisecond);
  const auto& messages = bench.model->newest()->request.messages;
  CHECK(complaint(messages).empty());
  std::size_t calls = 0;
  for (const brain::Message& one : messages) calls += one.tool_calls.size();
  CHECK(calls == 1);
  CHECK(messages.back().text == "Switch on the lamp");
}
