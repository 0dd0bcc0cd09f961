#include "brain/conversation.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"

using namespace prot::brain;

TEST_CASE("a conversation number survives being written and read") {
  const auto id = prot::wire::ConversationId{0x0123456789abcdef, 0xfedcba9876543210};
  prot::wire::ConversationId back;
  CHECK(to_string(id) == "0123456789abcdeffedcba9876543210");
  CHECK(parse_conversation(to_string(id), back));
  CHECK(back == id);
  CHECK_FALSE(parse_conversation("", back));
  CHECK_FALSE(parse_conversation("0123456789abcdeffedcba987654321", back));
  CHECK_FALSE(parse_conversation("0123456789abcdeffedcba987654321g", back));
  CHECK(conversation_of_run("a") == conversation_of_run("a"));
  CHECK_FALSE(conversation_of_run("a") == conversation_of_run("b"));
  CHECK_FALSE(new_conversation_id() == new_conversation_id());
}

TEST_CASE("messages come in turns, and words without a reply join") {
  Conversation talk(1000);
  talk.add_reply("nobody asked", false);
  talk.add_user("What is the capital");
  talk.add_user("of France?");
  talk.add_reply("It is", true);
  talk.add_user("Sorry, of Spain?");
  talk.add_reply("Madrid.", false);
  const auto messages = talk.messages();
  REQUIRE(messages.size() == 4);
  CHECK(messages[0].text == "What is the capital\nof France?");
  CHECK(messages[1].text == "It is [interrupted]");
  CHECK(messages[1].role == Role::kAssistant);
  CHECK(messages[3].text == "Madrid.");
}

TEST_CASE("words that want no answer any more are not joined by the next ones") {
  Conversation talk(1000);
  talk.leave_unanswered();
  CHECK(talk.empty());
  talk.add_user("Tell me a story");
  talk.leave_unanswered();
  talk.leave_unanswered();
  talk.add_user("What time is it?");
  auto messages = talk.messages();
  REQUIRE(messages.size() == 3);
  CHECK(messages[0].text == "Tell me a story");
  CHECK(messages[1].text == "[interrupted]");
  CHECK(messages[2].text == "What time is it?");
  talk.add_reply("Noon.", false);
  talk.leave_unanswered();
  messages = talk.messages();
  CHECK(messages.back().text == "Noon.");
}

TEST_CASE("history is trimmed by whole turns, seldom, and never to nothing") {
  Conversation talk(100);
  std::size_t trims = 0;
  std::size_t last = 0;
  for (int i = 0; i < 50; ++i) {
    talk.add_user("question number " + std::to_string(i));
    talk.add_reply("a short answer to it", false);
    const auto messages = talk.messages();
    CHECK(talk.tokens() <= 100);
    REQUIRE(messages.front().role == Role::kUser);
    REQUIRE(messages.back().role == Role::kAssistant);
    CHECK(messages.size() % 2 == 0);
    if (messages.size() < last) ++trims;
    last = messages.size();
  }
  CHECK(trims > 5);
  CHECK(trims < 25);  // the front stays the same for several turns in between
  talk.add_user(std::string(4000, 'x'));
  talk.add_reply("yes", false);
  CHECK(talk.messages().size() == 2);
}

TEST_CASE("a restored history stands before what was said since, without saying it twice") {
  const std::string known =
      R"([{"role":"user","text":"one"},{"role":"assistant","text":"eins","interrupted":true},)"
      R"({"role":"user","text":"two"},{"role":"assistant","text":"zw","open":true},{"role":"wrong"}])";
  Conversation talk(1000);
  talk.add_user("two");
  talk.restore(known);
  auto messages = talk.messages();
  REQUIRE(messages.size() == 3);
  CHECK(messages[1].text == "eins [interrupted]");
  CHECK(messages[2].text == "two");

  Conversation later(1000);
  later.add_user("two");
  later.add_reply("zwei", false);
  later.restore(known);
  messages = later.messages();
  REQUIRE(messages.size() == 4);
  CHECK(messages[3].text == "zwei");
  CHECK_THROWS_AS(later.restore("not json"), prot::Error);
}

TEST_CASE("the least recently used conversation makes room") {
  Conversations all(100);
  const auto first = new_conversation_id();
  all.at(first).add_user("hello");
  for (std::size_t i = 0; i < Conversations::kMost - 1; ++i) all.at(new_conversation_id());
  CHECK(all.has(first));
  CHECK_FALSE(all.at(first).empty());
  all.at(new_conversation_id());
  CHECK(all.has(first));
  for (std::size_t i = 0; i < Conversations::kMost; ++i) all.at(new_conversation_id()).add_user("hello");
  CHECK_FALSE(all.has(first));
}

TEST_CASE("clients that come and go and say nothing drive no conversation out") {
  Conversations all(100);
  const auto voice = new_conversation_id();
  all.at(voice).add_user("My name is Mina.");
  for (std::size_t i = 0; i < 2 * Conversations::kMost; ++i) all.at(new_conversation_id());
  CHECK_FALSE(all.at(voice).empty());
}

TEST_CASE("tool rounds stand between question and answer, whole, and go with their turn") {
  Conversation talk(200);
  const auto round = [](const std::string& text, std::optional<std::string> result) {
    return ToolRound{text, {{{"call_abcdefgh", "lamp", "{}"}, std::move(result)}}};
  };
  talk.add_user("Light, please");
  talk.add_reply("It is on.", false, {round("Let me see.", "on")});
  auto messages = talk.messages();
  REQUIRE(messages.size() == 4);
  CHECK(messages[1].text == "Let me see.");
  CHECK(messages[1].tool_calls.size() == 1);
  CHECK(messages[2].role == Role::kTool);
  CHECK(messages[3].text == "It is on.");

  talk.add_user("And off");
  talk.add_reply("", true, {round("", std::nullopt)});  // interrupted while the tool ran
  messages = talk.messages();
  REQUIRE(messages.size() == 8);
  CHECK(messages[6].text == kInterruptedResult);
  CHECK(messages[7].text == "[interrupted]");
  talk.add_user("Well?");
  CHECK(talk.messages().back().text == "Well?");

  for (int i = 0; i < 30; ++i) {
    talk.add_user("again " + std::to_string(i));
    talk.add_reply("yes", false, {round("", std::string(100, 'r'))});
    CHECK(talk.tokens() <= 200);
    CHECK(talk.messages().front().role == Role::kUser);
    CHECK(talk.messages().size() % 4 == 0);
  }
}

TEST_CASE("a timeline tells answered turns, and the beginning after it was trimmed too") {
  Conversation talk(60);
  Conversation longer(10000);
  CHECK(talk.timeline().began == 0);
  for (int i = 1; i <= 9; ++i) {
    talk.add_user("question " + std::to_string(i), i * prot::kSecond);
    longer.add_user("question", i * prot::kSecond);
    CHECK(longer.timeline().recent.size() == std::min<std::size_t>(static_cast<std::size_t>(i - 1), 5));
    talk.add_reply("answer", false);
    longer.add_reply("answer", false);
  }
  CHECK(talk.messages().size() < 18);
  CHECK(talk.timeline().began == prot::kSecond);
  CHECK(talk.timeline().recent.back() == 9 * prot::kSecond);
  Conversation restored(1000);
  restored.add_user("two", 5 * prot::kSecond);
  restored.restore(R"([{"sequence":3000000,"role":"user","text":"one"},{"role":"assistant","text":"eins"},)"
                   R"({"sequence":5000000,"role":"user","text":"two"}])");
  CHECK(restored.timeline().began == 3 * prot::kSecond);
  CHECK(restored.messages().size() == 3);
}

TEST_CASE("words that are given again stand once") {
  Conversation talk(1000);
  talk.restore(R"([{"role":"user","text":"one"}])");
  talk.add_user_again("one", 1);
  CHECK(talk.messages().size() == 1);
  CHECK(talk.messages()[0].text == "one");
  talk.add_reply("eins", false);
  talk.add_user_again("one", 2);
  CHECK(talk.messages().size() == 3);
}

TEST_CASE("voice and text share a conversation and join only their own words") {
  Conversation talk(1000);
  talk.add_user("spoken", 1);
  talk.add_user("written", 2, Lane::kText);
  talk.add_user("more spoken", 3);
  REQUIRE(talk.messages(Lane::kVoice).size() == 1);
  CHECK(talk.messages(Lane::kVoice)[0].text == "spoken\nmore spoken");
  REQUIRE(talk.messages(Lane::kText).size() == 1);
  CHECK(talk.messages(Lane::kText)[0].text == "written");
  talk.add_reply("to the text", false, {}, Lane::kText);
  CHECK(talk.messages(Lane::kVoice).size() == 3);
  talk.leave_unanswered();
  const auto all = talk.messages(Lane::kText);
  REQUIRE(all.size() == 4);
  CHECK(all[1].text == "[interrupted]");
  CHECK(all[3].text == "to the text");
}

TEST_CASE("what is being answered is not trimmed by the other side's long replies, and nothing grows") {
  Conversation talk(200);
  talk.add_user("spoken");
  for (int i = 0; i < 50; ++i) {
    talk.add_user("written", 0, Lane::kText);
    talk.add_reply(std::string(200, 'x'), false, {}, Lane::kText);
    CHECK(talk.tokens() <= 200);
    const auto voice = talk.messages(Lane::kVoice);
    CHECK(std::any_of(voice.begin(), voice.end(), [](const Message& m) { return m.text == "spoken"; }));
  }
}

TEST_CASE("restored turns get their tools back, and what was said before a call stands once") {
  Conversation talk(1000);
  ToolRound round;
  round.text = "Let me see.";
  round.exchanges.push_back({{"call_0001", "lamp", "{}"}, "on"});
  talk.restore(R"([{"sequence":7,"role":"user","text":"Light"},)"
               R"({"sequence":8,"role":"assistant","text":"Let me see. It is on.","interrupted":true}])",
               Lane::kVoice, [&](std::uint64_t sequence) {
                 return sequence == 7 ? std::vector<ToolRound>{round} : std::vector<ToolRound>{};
               });
  const auto messages = talk.messages();
  REQUIRE(messages.size() == 4);
  CHECK(messages[1].text == "Let me see.");
  CHECK(messages[2].text == "on");
  CHECK(messages[3].text == "It is on. [interrupted]");
}

TEST_CASE("what a side is to be answered is its last message, whoever was answered since") {
  Conversation talk(1000);
  const auto ends_with = [&](Lane lane, std::string_view text, std::size_t size) {
    const auto messages = talk.messages(lane);
    REQUIRE(messages.size() == size);
    CHECK(messages.back().role == Role::kUser);
    CHECK(messages.back().text == text);
    CHECK(messages.front().role == Role::kUser);
  };
  SUBCASE("a voice turn was interrupted before a word, then a text was answered") {
    talk.add_user("Tell me a story", 1, Lane::kVoice);
    talk.add_user("Two plus two?", 2, Lane::kText);
    talk.add_reply("Four.", false, {}, Lane::kText);
    talk.add_user("About a king", 3, Lane::kVoice);
    ends_with(Lane::kVoice, "Tell me a story\nAbout a king", 3);
    CHECK(talk.messages(Lane::kText).size() == 2);
  }
  SUBCASE("a text waits for a tool while the voice is answered") {
    talk.add_user("Switch on the lamp", 1, Lane::kText);
    talk.add_user("Tell me a story", 2, Lane::kVoice);
    talk.add_reply("Once there was a king.", false, {}, Lane::kVoice);
    ends_with(Lane::kText, "Switch on the lamp", 3);
    CHECK(talk.messages(Lane::kVoice).size() == 2);
  }
}
