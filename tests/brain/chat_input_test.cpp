// What clients of chat.sock get wrong, and what a reply is made of that is cut anywhere.
#include <doctest/doctest.h>

#include "chat_client.hpp"
#include "fake_tool.hpp"

using namespace prot;
using namespace prot::test;
using wire::Played;

namespace {

std::string message(const std::string& content, const std::string& more = "") {
  return "{\"type\":\"message\",\"content\":" + json::escape(content) + more + "}\n";
}

/// The next thing works, whatever was before it.
void check_usable(BrainBench& bench, ChatClient& client) {
  client.send(message("still there?"));
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.back().text == "still there?");
  bench.model->reply("Yes.");
  bench.work();
  CHECK(client.next().get("content").as_string() == "Yes.");
  CHECK(client.type() == "done");
}

}  // namespace

TEST_CASE("bad input gets one clear line each, and the next message is answered") {
  BrainBench bench;
  ChatClient client(bench);
  const auto error_to = [&](std::string_view line) {
    client.send(line);
    const json::Document answer = client.next();
    CHECK(answer.get("type").as_string() == "error");
    return std::string(answer.get("message").as_string());
  };
  CHECK(error_to("this is no json\n").starts_with("not JSON"));
  CHECK(error_to("[1,2]\n") == "a line must be one JSON object");
  CHECK(error_to("\"message\"\n") == "a line must be one JSON object");
  CHECK(error_to("{}\n") == "unknown type ''");
  CHECK(error_to("\n  \n\r\n{\"type\":\"dance\"}\n") == "unknown type 'dance'");  // empty lines are nothing
  CHECK(error_to("{\"type\":\"" + std::string(39, 'x') + "한\"}\n") ==
        "unknown type '" + std::string(39, 'x') + "'");
  CHECK(error_to(std::string(200, '[') + "\n").starts_with("not JSON"));
  CHECK(error_to(message("hi", ",\"conversation\":\"my own\"")) == "a conversation is 32 hexadecimal digits");
  CHECK(error_to(message("hi", ",\"conversation\":\"" + std::string(31, '0') + "g\"")) ==
        "a conversation is 32 hexadecimal digits");
  CHECK(error_to("{\"type\":\"hello\",\"conversation\":\"-1\"}\n") ==
        "a conversation is 32 hexadecimal digits");
  CHECK(error_to(message("hi", ",\"conversation\":7")) == "conversation must be text");
  CHECK(error_to("{\"type\":\"message\",\"content\":{\"a\":1}}\n") == "content must be text");
  CHECK(error_to("{\"type\":\"message\"}\n") == "the message is empty");
  CHECK(error_to(message(" \t ")) == "the message is empty");
  CHECK(error_to(message(std::string(33000, 'x'))) == "the message is longer than 32 KiB");
  CHECK(error_to(message("x", ",\"id\":\"" + std::string(65, 'i') + "\"")) == "an id has at most 64 bytes");
  CHECK(bench.model->newest() == nullptr);
  CHECK(client.type() == "nothing");
  check_usable(bench, client);
}

TEST_CASE("10 MB in a line cost one error line, no memory, and not the connection") {
  BrainBench bench;
  ChatClient client(bench);
  const std::string megabyte(1U << 20U, 'x');
  client.send("{\"type\":\"message\",\"content\":\"");
  for (int i = 0; i < 10; ++i) client.send(megabyte);
  client.send("\"}\n");
  CHECK(client.next().get("message").as_string() == "the line is longer than 256 KiB and was not read");
  CHECK(client.type() == "nothing");
  CHECK_FALSE(client.closed);
  CHECK(bench.sent("turns").empty());
  check_usable(bench, client);
  client.send(megabyte + "\n" + message("after"));  // and again, with more behind it in one piece
  CHECK(client.type() == "error");
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.back().text == "after");
}

TEST_CASE("what is not UTF-8 is replaced, and an emoji may be cut anywhere") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"message\",\"content\":\"caf\xC3\"}\n");
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.back().text == "caf\xEF\xBF\xBD");
  bench.model->reply("ok");
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");

  const std::string line = message("hi \xF0\x9F\x98\x80!");
  for (std::size_t cut = line.find('\xF0'); cut <= line.find('!'); ++cut) {
    client.send(line.substr(0, cut));
    client.send(line.substr(cut));
    bench.advance(60 * kMillisecond);
    CHECK(bench.model->newest()->request.messages.back().text == "hi \xF0\x9F\x98\x80!");
    const auto id = bench.model->newest()->id;
    const std::string reply = "\xF0\x9F\x98\x80 한";  // the model's stream is cut within it too
    for (const char byte : reply) {
      bench.model->say(id, std::string(1, byte));
      bench.work();
    }
    bench.model->done(id);
    bench.work();
    CHECK(client.next().get("content").as_string() == "\xF0\x9F\x98\x80");
    CHECK(client.next().get("content").as_string() == " ");
    CHECK(client.next().get("content").as_string() == "한");
    CHECK(client.next().get("content").as_string() == reply);
  }
}

TEST_CASE("a stopped reply ends at once, stays in the conversation, and so do others' replies") {
  BrainBench bench;
  ChatClient client(bench);
  ChatClient other(bench);
  client.send("{\"type\":\"hello\"}\n");
  const std::string talk(client.next().get("conversation").as_string());
  client.send("{\"type\":\"stop\"}\n");  // nothing to stop
  client.send(message("Tell me a story", ",\"conversation\":\"" + talk + "\""));
  client.send(message("And another"));
  other.send(message("Mine"));
  bench.advance(60 * kMillisecond);
  const auto id = bench.model->newest()->id;
  bench.model->say(id, "Once upon");
  bench.work();
  other.send("{\"type\":\"stop\"}\n");  // its own, which waits
  const json::Document stopped = other.next();
  CHECK(stopped.get("type").as_string() == "done");
  CHECK(stopped.get("interrupted").as_bool());
  CHECK_FALSE(bench.model->newest()->cancelled);
  client.send("{\"type\":\"stop\"}\n");
  CHECK(bench.model->newest()->cancelled);
  CHECK(client.type() == "chunk");
  CHECK(client.next().get("content").as_string().empty());  // what waited behind it
  const json::Document done = client.next();
  CHECK(done.get("content").as_string() == "Once upon");
  CHECK(done.get("interrupted").as_bool());
  client.send(message("Enough", ",\"conversation\":\"" + talk + "\""));
  bench.advance(60 * kMillisecond);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].text == "Once upon [interrupted]");
}

TEST_CASE("a question that was stopped before its first word is not answered with the next one") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"hello\"}\n");
  const std::string talk =
      ",\"conversation\":\"" + std::string(client.next().get("conversation").as_string()) + "\"";
  client.send(message("Tell me a story", talk));
  bench.advance(60 * kMillisecond);
  client.send("{\"type\":\"stop\"}\n");
  CHECK(client.next().get("interrupted").as_bool());
  client.send(message("What time is it?", talk));
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.back().text == "What time is it?");
}

TEST_CASE("a text turn uses tools, and what was finished stays when it is stopped") {
  const auto desk = std::make_shared<ToolDesk>();
  BrainBench bench({}, {}, [&] { return one_tool("lamp", desk); });
  ChatClient client(bench);
  const std::string talk = ",\"conversation\":\"00112233445566778899aabbccddeeff\"";
  client.send("{\"type\":\"hello\"" + talk + "}\n");
  CHECK(client.type() == "hello");
  client.send(message("Light, please", talk));
  bench.advance(300 * kMillisecond);  // memory says nothing of that conversation
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.tools.size() == 1);
  bench.model->use_tools("Let me see.", {{"call_abcdefgh", "lamp", "{}"}, {"", "lamp", "not json"}});
  bench.work();
  CHECK(bench.model->real_calls() == 1);
  CHECK(client.next().get("content").as_string() == "Let me see.");
  desk->answer = "on";
  bench.work();
  REQUIRE(bench.model->real_calls() == 2);
  const auto& asked = bench.model->newest()->request.messages;
  REQUIRE(asked.size() == 4);
  CHECK(asked[1].text == "Let me see.");
  CHECK(asked[2].text == "on");
  CHECK(asked[3].text.find("not JSON") != std::string::npos);
  bench.model->reply("It is on.");
  bench.work();
  CHECK(client.next().get("content").as_string() == " It is on.");
  CHECK(client.next().get("content").as_string() == "Let me see. It is on.");

  client.send(message("Off again", talk));
  bench.advance(60 * kMillisecond);
  desk->answer.reset();
  bench.model->use_tools("", {{"call_12345678", "lamp", "{}"}});
  bench.work();
  CHECK(desk->open == 1);
  client.send("{\"type\":\"stop\"}\n");
  CHECK(desk->open == 0);
  CHECK(client.next().get("interrupted").as_bool());
  client.send(message("Well?", talk));
  bench.advance(60 * kMillisecond);
  const auto& messages = bench.model->newest()->request.messages;
  REQUIRE(messages.size() == 10);
  CHECK(messages[2].text == "on");
  CHECK(messages[4].text == "It is on.");
  CHECK(messages[7].text == brain::kInterruptedResult);
  CHECK(messages[8].text == "[interrupted]");
}

TEST_CASE("voice and text use tools at once, and neither holds up or cancels the other") {
  const auto desk = std::make_shared<ToolDesk>();
  BrainBench bench({}, {}, [&] { return one_tool("lamp", desk); });
  bench.say(1, "Light, please");
  const auto voice = bench.model->newest()->id;
  bench.model->use_tools("Let me see.", {{"", "lamp", "{}"}});
  bench.work();
  CHECK(bench.spoken() == "<Let me see.>");
  ChatClient client(bench);
  client.send(message("typed"));
  bench.advance(60 * kMillisecond);
  const auto text = bench.model->newest()->id;  // while the voice's tool runs
  REQUIRE(text != voice);
  CHECK(bench.model->newest()->request.lane == brain::Lane::kText);
  bench.model->say(text, "half ");
  desk->answer = "on";
  bench.work();
  REQUIRE(bench.model->real_calls() == 3);
  CHECK(bench.model->newest()->request.lane == brain::Lane::kVoice);
  bench.model->reply("It is on.");
  bench.model->say(text, "an answer");
  bench.model->done(text);
  bench.work();
  CHECK(bench.spoken() == "<It is on.>|");
  CHECK(client.next().get("content").as_string() == "half ");
  CHECK(client.type() == "chunk");
  CHECK(client.next().get("content").as_string() == "half an answer");
  for (const auto& call : bench.model->calls)
    if (!call.request.prefill) CHECK_FALSE(call.cancelled);
  bench.play(Played::kTurnDone, 1, 1);
  CHECK(bench.state() == ipc::ConversationState::kActive);
}

TEST_CASE("a conversation that only memory knows is waited for, a new one is not") {
  BrainBench bench;
  ChatClient client(bench);
  const std::string id = "00112233445566778899aabbccddeeff";
  client.send(message("And you?", ",\"conversation\":\"" + id + "\""));
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest() == nullptr);
  std::uint64_t request = 0;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kHistoryRequest) request = one.number;
  REQUIRE(request != 0);
  wire::History history{};
  REQUIRE(brain::parse_conversation(id, history.conversation));
  history.request = request;
  const std::string known = R"([{"role":"user","text":"I am Ada"},{"role":"assistant","text":"Hello Ada."}])";
  (void)wire::send(bench.run->into("recall"), history, wire::as_bytes(known), {.made_ns = bench.clock.now()});
  bench.work();
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.size() == 3);
  bench.model->reply("Fine.");
  bench.work();
  client.send("{\"type\":\"hello\"}\n");
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");
  const std::string fresh(client.next().get("conversation").as_string());
  client.send(message("Hello", ",\"conversation\":\"" + fresh + "\""));
  bench.advance(50 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.size() == 1);
}
