#include <doctest/doctest.h>

#include "chat_client.hpp"

using namespace prot;
using namespace prot::test;
using wire::Heard;
using wire::Played;
using wire::TranscriptKind;

TEST_CASE("a text client says hello, is answered piece by piece, and keeps its own history") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"hello\"}\n");
  const json::Document hello = client.next();
  CHECK(hello.get("type").as_string() == "hello");
  CHECK(hello.get("state").as_string() == "idle");
  const std::string id(hello.get("conversation").as_string());
  REQUIRE(id.size() == 32);

  client.send(R"({"type":"message","content":"Hello \ud55c","conversation":")" + id + "\"}\n");
  bench.advance(60 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.lane == brain::Lane::kText);
  bench.model->say(bench.model->newest()->id, "Hi");
  bench.model->say(bench.model->newest()->id, " there.");
  bench.model->done(bench.model->newest()->id);
  bench.work();
  CHECK(client.next().get("content").as_string() == "Hi");
  CHECK(client.type() == "chunk");
  const json::Document done = client.next();
  CHECK(done.get("type").as_string() == "done");
  CHECK(done.get("content").as_string() == "Hi there.");
  CHECK(done.get("conversation").as_string() == id);
  CHECK_FALSE(done.get("interrupted").as_bool(true));

  client.send(R"({"type":"message","content":"And you?","conversation":")" + id + "\"}\n");
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.size() == 3);
  ChatClient other(bench);
  other.send("{\"type\":\"message\",\"content\":\"Something else\"}\n");
  bench.model->reply("Fine.");
  bench.advance(60 * kMillisecond);
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.size() == 1);
  std::size_t messages = 0;
  for (const Sent& one : bench.sent("turns")) messages += one.kind == wire::Kind::kUserMessage ? 1 : 0;
  CHECK(messages == 3);
  CHECK(bench.turn() == 0);  // no voice turn
}

TEST_CASE("subscribers see the turn as it happens, with its waterfall") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"subscribe\"}\n");
  bench.say(1, "Hello");
  bench.model->reply("Hi.");
  bench.work();
  bench.play(Played::kStarted, 1);
  bench.play(Played::kTurnDone, 1);
  std::string types;
  for (std::string type = client.type(); type != "nothing"; type = client.type()) types += type + " ";
  CHECK(types == "state heard state segment audible state turn state ");
}

TEST_CASE("a subscriber can tell what asks for patience from the answer") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"subscribe\"}\n");
  bench.say(1, "Hello");
  bench.advance(4 * kSecond);
  bench.model->reply("Hi.");
  bench.work();
  std::string said;
  for (json::Document event = client.next(); !event.get("type").as_string().empty(); event = client.next())
    if (event.get("type").as_string() == "segment")
      said += std::string(event.get("text").as_string()) +
              (event.get("notice").as_bool(true) ? " (notice) " : "");
  CHECK(said == "One moment. (notice) Hi.");
}

TEST_CASE("text waits while the model works for the voice, and neither cancels the other") {
  BrainBench bench;
  bench.say(1, "Hello");
  const auto voice = bench.model->newest()->id;
  ChatClient client(bench);
  client.send("{\"type\":\"message\",\"content\":\"typed\"}\n");
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 1);
  bench.model->reply("Hi.");
  bench.advance(60 * kMillisecond);
  bench.advance(60 * kMillisecond);
  CHECK(bench.model->real_calls() == 2);
  CHECK(bench.model->newest()->request.lane == brain::Lane::kText);
  const auto text = bench.model->newest()->id;
  bench.play(Played::kTurnDone, 1);
  bench.say(2, "More");
  CHECK(bench.model->real_calls() == 3);
  for (const auto& call : bench.model->calls) {
    if (call.id == text || call.id == voice) CHECK_FALSE(call.cancelled);
  }
  bench.model->say(text, "late");
  bench.model->done(text);
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");
}

TEST_CASE("a client that goes, fails or does not read loses only its own turn") {
  BrainBench bench;
  {
    ChatClient client(bench);
    client.send("{\"type\":\"message\",\"content\":\"one\"}\n");
    bench.advance(60 * kMillisecond);
    bench.model->say(bench.model->newest()->id, "half an ans");
    bench.work();
  }
  bench.work();
  CHECK(bench.model->newest()->cancelled);
  bool kept = false;
  for (const Sent& one : bench.sent("turns"))
    if (one.kind == wire::Kind::kReplyEnd) kept = one.text == "half an ans" && one.interrupted;
  CHECK(kept);

  ChatClient deaf(bench);
  deaf.send("{\"type\":\"subscribe\"}\n");
  CHECK(bench.run->counter("chat_clients") == 1);
  for (std::uint32_t i = 1; i < 400 && bench.run->counter("chat_clients") > 0; ++i) {
    bench.hear(Heard::kStarted, i);
    bench.transcript(TranscriptKind::kPartial, i, std::string(20000, 'x'));
    bench.hear(Heard::kDiscarded, i);
  }
  CHECK(bench.run->counter("chat_clients") == 0);
}

TEST_CASE("a new conversation begins with an empty history") {
  BrainBench bench;
  bench.say(1, "My name is Ada");
  bench.model->reply("Hello Ada.");
  bench.work();
  bench.play(Played::kTurnDone, 1);
  ChatClient client(bench);
  client.send("{\"type\":\"new_conversation\"}\n");
  const json::Document hello = client.next();
  CHECK(hello.get("type").as_string() == "hello");
  CHECK(hello.get("conversation").as_string() !=
        brain::to_string(brain::conversation_of_run(bench.context->environment().run_id)));
  bench.restart();  // and stays so
  bench.say(2, "What is my name?");
  CHECK(bench.model->newest()->request.messages.size() == 1);
}

TEST_CASE("a message that is sent again under its id over a restart is the same message") {
  BrainBench bench;
  const std::string id = "00112233445566778899aabbccddeeff";
  const std::string line =
      R"({"type":"message","content":"Remember seven","id":"m1","conversation":")" + id + "\"}\n";
  std::vector<std::uint64_t> numbers;
  const auto look = [&] {
    for (const Sent& one : bench.sent("turns"))
      if (one.kind == wire::Kind::kUserMessage) numbers.push_back(one.number);
  };
  {
    ChatClient client(bench);
    client.send(line);
    look();
    bench.restart();  // before the first word
  }
  ChatClient client(bench);
  client.send(line);
  bench.advance(300 * kMillisecond);  // memory is asked for that conversation first
  look();
  REQUIRE(numbers.size() == 2);
  CHECK(numbers[0] == numbers[1]);  // memory stores it once
  bench.model->reply("Seven.");
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");
  bench.restart();  // after the answer, which the client may not have read
  const std::size_t calls = bench.model->real_calls();
  ChatClient again(bench);
  again.send(line);
  bench.advance(60 * kMillisecond);
  const json::Document done = again.next();
  CHECK(done.get("type").as_string() == "done");
  CHECK(done.get("content").as_string() == "Seven.");
  CHECK(done.get("conversation").as_string() == id);
  look();
  CHECK(numbers.size() == 2);
  CHECK(bench.model->real_calls() == calls);
}

TEST_CASE("a client that lost its connection joins its own message, under way or waiting") {
  BrainBench bench;
  ChatClient first(bench);
  first.send("{\"type\":\"message\",\"content\":\"one\",\"id\":\"a\"}\n");
  bench.advance(60 * kMillisecond);
  bench.model->say(bench.model->newest()->id, "half ");
  bench.work();
  first.send("{\"type\":\"message\",\"content\":\"two\",\"id\":\"b\"}\n");
  ChatClient second(bench);
  second.send("{\"type\":\"message\",\"content\":\"one\",\"id\":\"a\"}\n");
  second.send("{\"type\":\"message\",\"content\":\"two\",\"id\":\"b\"}\n");
  CHECK(second.next().get("content").as_string() == "half ");
  bench.model->say(bench.model->newest()->id, "an answer");
  bench.model->done(bench.model->newest()->id);
  bench.work();
  CHECK(second.type() == "chunk");
  CHECK(second.next().get("content").as_string() == "half an answer");
  bench.advance(60 * kMillisecond);
  bench.model->reply("Two.");
  bench.advance(60 * kMillisecond);
  CHECK(second.type() == "chunk");
  CHECK(second.type() == "done");
  CHECK(bench.model->real_calls() == 2);
  second.send("{\"type\":\"message\",\"content\":\"x\",\"id\":\"" + std::string(65, 'i') + "\"}\n");
  CHECK(second.type() == "error");
}

TEST_CASE("in a drain text is refused with a reason") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"message\",\"content\":\"one\"}\n");
  bench.advance(60 * kMillisecond);
  bench.end_of_stream("transcript");
  client.send("{\"type\":\"message\",\"content\":\"two\"}\n");
  CHECK(client.next().get("message").as_string() == "prot is shutting down");
  CHECK(bench.sent("speech").empty());
  bench.model->reply("Answer.");
  bench.work();
  CHECK(client.type() == "chunk");
  CHECK(client.type() == "done");
  CHECK(bench.sent("speech").size() == 1);
}
