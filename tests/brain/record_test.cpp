// "Forget that", off the record, and what memory says it has forgotten.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "brain/memory_words.hpp"
#include "chat_client.hpp"

using namespace prot;
using namespace prot::test;
using brain::memory_wish;
using brain::MemoryWish;
using wire::Kind;
using wire::Played;

namespace {

std::string chat_message(const std::string& text, const std::string& conversation,
                         const std::string& id = "") {
  json::Writer out;
  out.begin_object().member("type", "message").member("content", text);
  if (!id.empty()) out.member("id", id);
  return out.member("conversation", conversation).end_object().str() + "\n";
}

/// A turn that is answered and heard.
void talk(BrainBench& bench, std::uint32_t utterance, const std::string& said, const std::string& reply) {
  bench.say(utterance, said);
  bench.advance(300 * kMillisecond);
  bench.model->reply(reply);
  bench.work();
  const std::uint32_t turn = bench.turn();
  bench.play(Played::kStarted, turn);
  bench.play(Played::kSegmentDone, turn, 0, static_cast<std::uint32_t>(reply.size()));
  bench.play(Played::kTurnDone, turn, 1);
  bench.advance(kSecond);
}

std::string turns_file(BrainBench& bench) {
  std::ostringstream text;
  text << std::ifstream(bench.context->environment().paths.state / "said/turns.jsonl").rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a wish of memory is the whole utterance") {
  for (const char* said :
       {"Forget that.", "forget that", "Please forget that!", "Forget what I just said.", "잊어줘",
        "잊어 줘.", "그거 잊어줘", "그건 잊어 주세요", "방금 한 말 잊어줘", "방금 말한 거 좀 잊어줘",
        "내가 방금 한 말은 잊어버려", "기억하지 마", "Can you forget that, please?", "Forget about that.",
        "Don't remember this.", "기억하지 말아 주세요.", "아니, 그냥 방금 그 말 잊어줘", "방금 한 말 지워 줘",
        "그거 잊어버려요"})
    CHECK_MESSAGE(memory_wish(said) == MemoryWish::kForget, said);
  for (const char* said :
       {"Off the record.", "Go off the record, please.", "Don't record this.", "기록하지 마",
        "지금부터 기록하지 마세요.", "이제부터는 기록하지 말아 줘", "오프 더 레코드로 하자"})
    CHECK_MESSAGE(memory_wish(said) == MemoryWish::kOffRecord, said);
  for (const char* said : {"On the record again.", "back on the record", "다시 기록해줘", "이제 기록해도 돼",
                           "기록 다시 시작해 줘"})
    CHECK_MESSAGE(memory_wish(said) == MemoryWish::kOnRecord, said);
  for (const char* said :
       {"Forget it.", "I will never forget that day.", "Don't forget that I like tea.", "What did I forget?",
        "What does off the record mean?", "약속을 잊어버렸어", "민수가 그거 잊어줘서 고마워",
        "회의 기록하지 마라고 했어?", "", "   ", "Play the record again.", "좀 지워 줘", "그거 지워 줘",
        "알람 지워 줘", "Forget about that alarm."})
    CHECK_MESSAGE(memory_wish(said) == MemoryWish::kNone, said);
}

TEST_CASE("forget that: it is said what, memory is told, the model never hears of it again") {
  BrainBench bench;
  talk(bench, 1, "I like tea", "Tea is fine.");
  talk(bench, 2, "My PIN is one two three four", "I see.");
  const auto before = bench.sent("turns");
  const auto users = of_kind(before, Kind::kUserMessage);
  REQUIRE(users.size() == 2);
  (void)bench.spoken();
  const std::size_t calls = bench.model->real_calls();
  bench.say(3, "Forget that.");
  bench.advance(300 * kMillisecond);
  CHECK(bench.spoken().find("I have forgotten what you said: \"My PIN is one two three four\"") !=
        std::string::npos);
  CHECK(bench.model->real_calls() == calls);
  const auto after = bench.sent("turns");
  CHECK(of_kind(after, Kind::kUserMessage).empty());
  const auto wishes = of_kind(after, Kind::kForgetRequest);
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].number == users[1].number);
  bench.play(Played::kTurnDone, bench.turn(), 1);
  bench.advance(kSecond);
  CHECK(of_kind(bench.sent("turns"), Kind::kReplyEnd).empty());  // what was said to it is no message
  bench.say(4, "What do I like?");
  bench.advance(300 * kMillisecond);
  for (const auto& message : bench.model->newest()->request.messages)
    CHECK(message.text.find("PIN") == std::string::npos);
  CHECK(bench.model->newest()->request.messages.size() == 3);
}

TEST_CASE("nothing to forget; Korean is answered in Korean") {
  BrainBench bench;
  bench.say(1, "잊어줘");
  bench.advance(300 * kMillisecond);
  CHECK(bench.spoken().find("잊을 것이 없어요.") != std::string::npos);
  CHECK(of_kind(bench.sent("turns"), Kind::kForgetRequest).empty());
}

TEST_CASE("off the record: frames without words, the conversation goes on, and a restart keeps it so") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"subscribe\"}\n");
  bench.say(1, "기록하지 마");
  bench.advance(300 * kMillisecond);
  CHECK(bench.spoken().find("기록하지 않을게요") != std::string::npos);
  bench.play(Played::kTurnDone, bench.turn(), 1);
  bench.advance(kSecond);
  talk(bench, 2, "My PIN is one two three four", "I see it.");
  auto sent = bench.sent("turns");
  CHECK(of_kind(sent, Kind::kUserMessage).empty());
  CHECK(of_kind(sent, Kind::kReplyEnd).empty());
  CHECK(of_kind(sent, Kind::kUnrecorded).size() >= 2);
  for (const Sent& one : sent)
    if (one.kind != Kind::kRecallRequest) CHECK(one.text.find("PIN") == std::string::npos);
  CHECK(turns_file(bench).find("PIN") == std::string::npos);
  CHECK(turns_file(bench).find("\"turn\":") != std::string::npos);
  bench.say(3, "And now?");
  bench.advance(300 * kMillisecond);
  CHECK(bench.model->newest()->request.messages.size() == 3);  // it is still known in this conversation
  bench.model->reply("Yes.");
  bench.work();
  bench.play(Played::kTurnDone, bench.turn(), 1);
  bench.advance(kSecond);
  (void)bench.sent("turns");
  bench.restart();
  ChatClient other(bench);
  other.send("{\"type\":\"record\"}\n");
  CHECK_FALSE(other.next().get("on").as_bool(true));
  other.send("{\"type\":\"record\",\"on\":true}\n");
  CHECK(other.next().get("on").as_bool());
  other.send("{\"type\":\"record\",\"on\":1}\n");
  CHECK(other.type() == "error");
  other.send(chat_message("I like tea", "00112233445566778899aabbccddee00"));
  bench.advance(kSecond);
  CHECK(of_kind(bench.sent("turns"), Kind::kUserMessage).size() == 1);
}

TEST_CASE("in a chat: a message that comes again under its id forgets once") {
  BrainBench bench;
  ChatClient client(bench);
  client.send("{\"type\":\"hello\"}\n");
  const std::string id(client.next().get("conversation").as_string());
  for (const char* said : {"I like tea", "My PIN is 1234"}) {
    client.send(chat_message(said, id));
    bench.advance(100 * kMillisecond);
    bench.model->reply("Yes.");
    bench.work();
    CHECK(client.type() == "chunk");
    CHECK(client.type() == "done");
  }
  (void)bench.sent("turns");
  client.send(chat_message("forget that", id, "m9"));
  bench.advance(500 * kMillisecond);
  CHECK(client.next().get("content").as_string().find("My PIN is 1234") != std::string::npos);
  CHECK(client.type() == "done");
  client.send(chat_message("forget that", id, "m9"));
  bench.advance(500 * kMillisecond);
  CHECK(client.type() == "done");
  CHECK(of_kind(bench.sent("turns"), Kind::kForgetRequest).size() == 1);
}

TEST_CASE("memory has forgotten: brain drops what it has and asks for what is left") {
  BrainBench bench;
  talk(bench, 1, "My PIN is one two three four", "I see.");
  const auto users = of_kind(bench.sent("turns"), Kind::kUserMessage);
  REQUIRE(users.size() == 1);
  wire::Forgotten head{};
  head.conversation = brain::conversation_of_run(bench.context->environment().run_id);
  const std::uint64_t sequence = users[0].number;
  (void)wire::send(bench.run->into("recall"), head, std::as_bytes(std::span(&sequence, 1)), {});
  bench.work();
  CHECK(of_kind(bench.sent("turns"), Kind::kHistoryRequest).size() == 1);
  bench.say(2, "What is my PIN?");
  bench.advance(300 * kMillisecond);
  REQUIRE(bench.model->newest() != nullptr);
  CHECK(bench.model->newest()->request.messages.size() == 1);
}
