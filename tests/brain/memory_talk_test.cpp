// What a person decides about memory by word of mouth: the test is memory.
#include <doctest/doctest.h>

#include "chat_client.hpp"

using namespace prot;
using namespace prot::test;
using wire::Kind;
using wire::Played;

namespace {

constexpr const char* kNothing = R"({"ok":true,"facts":[]})";
constexpr const char* kOne = R"({"ok":true,"facts":[{"id":7,"statement":"The user lives in Oslo"}]})";
constexpr const char* kTwo =
    R"({"ok":true,"facts":[{"id":7,"statement":"The user lives in Oslo"},{"id":5,"statement":"Ann is a nurse"}]})";
constexpr const char* kDone = R"({"ok":true,"facts":[{}]})";

struct Fixture {
  /// What memory was asked since the last call: its newest command.
  std::string asked() {
    const auto requests = of_kind(bench.sent("turns"), Kind::kDeskRequest);
    if (!requests.empty()) request = requests.back().number;
    return requests.empty() ? "" : requests.back().text;
  }
  void answer(std::string_view line) {
    wire::DeskAnswer head{};
    head.request = request;
    (void)wire::send(bench.run->into("recall"), head, wire::as_bytes(line), {});
    bench.work();
  }
  void say(std::string_view text) {
    bench.say(++utterance, text);
    bench.advance(300 * kMillisecond);
  }
  /// prot's words are heard to their end, or but for the last piece.
  void hear_out(bool all = true) {
    const std::uint32_t turn = bench.turn();
    bench.play(Played::kStarted, turn);
    const auto pieces = static_cast<std::uint32_t>(segments.size());
    for (std::uint32_t i = 0; i + (all ? 0 : 1) < pieces; ++i)
      bench.play(Played::kSegmentDone, turn, i, static_cast<std::uint32_t>(segments[i].text.size()));
    if (!all) bench.play(Played::kSegmentDone, turn, pieces - 1, 0, 0);
    bench.play(Played::kTurnDone, turn, pieces);
    bench.advance(kSecond);
  }
  std::string spoken() {
    segments = of_kind(bench.sent("speech"), Kind::kSegment);
    std::string out;
    for (const Sent& one : segments) out += (out.empty() ? "" : " ") + one.text;
    return out;
  }
  /// "Anything to confirm?" was asked and answered, prot's question heard.
  void ask_for(std::string_view waiting, std::string_view question = "Anything to confirm?") {
    say(question);
    REQUIRE(asked().find(R"("cmd":"facts","waiting":true)") != std::string::npos);
    answer(waiting);
    REQUIRE_FALSE(spoken().empty());
    hear_out();
  }
  BrainBench bench;
  std::uint32_t utterance = 0;
  std::uint64_t request = 0;
  std::vector<Sent> segments;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what waits is asked about, and a yes confirms it: once, and no message of it") {
  say("Anything to confirm?");
  CHECK(asked().find(R"("cmd":"facts","waiting":true)") != std::string::npos);
  CHECK(spoken().empty());  // memory has not answered
  answer(kTwo);
  CHECK(spoken() == "2 things wait for you. The newest is this. \"The user lives in Oslo\". Is that true?");
  hear_out();
  say("Yes, remember that.");
  CHECK(asked() == R"({"cmd":"confirm","fact":7})");
  answer(kDone);
  CHECK(spoken() == "I will remember that. And this. \"Ann is a nurse\". Is that true?");
  hear_out();
  say("No, that's wrong.");
  CHECK(asked() == R"({"cmd":"reject","fact":5})");
  answer(kDone);
  CHECK(spoken() == "I will not remember that.");
  hear_out();
  CHECK(bench.model->real_calls() == 0);
  say("Yes.");  // to nothing any more: a turn
  CHECK(asked().empty());
  CHECK(bench.model->real_calls() == 1);
}

TEST_CASE_FIXTURE(Fixture, "in Korean, and with a no") {
  say("뭐 확인할 거 있어?");
  (void)asked();
  answer(R"({"ok":true,"facts":[{"id":9,"statement":"민수는 부산에 산다"}]})");
  CHECK(spoken() == "확인할 것이 하나 있어요. \"민수는 부산에 산다\". 이게 맞나요?");
  hear_out();
  SUBCASE("yes") {
    say("그건 맞아, 기억해");
    CHECK(asked() == R"({"cmd":"confirm","fact":9})");
    answer(kDone);
    CHECK(spoken() == "기억할게요.");
  }
  SUBCASE("no") {
    say("아니야, 기억하지 마");
    const auto sent = bench.sent("turns");
    CHECK(of_kind(sent, Kind::kForgetRequest).empty());  // it is not about what was said last
    REQUIRE(of_kind(sent, Kind::kDeskRequest).size() == 1);
    request = of_kind(sent, Kind::kDeskRequest)[0].number;
    answer(kDone);
    CHECK(spoken() == "기억하지 않을게요.");
  }
}

TEST_CASE_FIXTURE(Fixture, "nothing waits, memory is out of reach, or says nothing") {
  say("Anything to confirm?");
  (void)asked();
  SUBCASE("nothing") {
    answer(kNothing);
    CHECK(spoken() == "Nothing waits for you.");
  }
  SUBCASE("away") {
    answer(R"({"ok":false,"error":"away","code":1})");
    CHECK(spoken() == "I cannot look into my memory right now.");
  }
  SUBCASE("no JSON") {
    answer("[");
    CHECK(spoken() == "I cannot look into my memory right now.");
  }
  SUBCASE("silence") {
    bench.advance(2 * kSecond);
    CHECK(spoken().empty());
    bench.advance(kSecond);
    CHECK(spoken() == "I cannot look into my memory right now.");
  }
  SUBCASE("a wish of somebody else") {
    request += 1;
    answer(kOne);
    CHECK(spoken().empty());
  }
  CHECK(bench.model->real_calls() == 0);
}

TEST_CASE_FIXTURE(Fixture, "only what was heard is confirmed, in time, and by words that say nothing else") {
  SUBCASE("the question was not heard") {
    say("Anything to confirm?");
    (void)asked();
    answer(kOne);
    (void)spoken();
    hear_out(false);
    say("Yes.");
  }
  SUBCASE("too late") {
    ask_for(kOne);
    bench.advance(21 * kSecond);
    say("Yes.");
  }
  SUBCASE("other words") {
    ask_for(kOne);
    say("Yes, but only on Mondays");
  }
  SUBCASE("other words between") {
    ask_for(kOne);
    say("What time is it?");
    bench.model->reply("Noon.");
    bench.work();
    (void)spoken();
    hear_out();
    say("Yes.");
  }
  SUBCASE("a question back") {
    ask_for(kOne);
    say("Yes?");
  }
  SUBCASE("something was forgotten meanwhile") {
    ask_for(kTwo);
    (void)wire::send(bench.run->into("recall"), wire::Forgotten{}, {}, {});
    bench.work();
    say("Yes.");
  }
  CHECK(asked().empty());
  CHECK(bench.model->real_calls() >= 1);
}

TEST_CASE_FIXTURE(Fixture, "'yes, remember that' is asked back, or a turn when nothing waits") {
  say("Yes, remember that.");
  CHECK(asked().find(R"("cmd":"facts")") != std::string::npos);
  SUBCASE("something waits") {
    answer(kOne);
    CHECK(spoken() == "One thing waits for you. \"The user lives in Oslo\". Is that true?");
    hear_out();
    say("That's right.");
    CHECK(asked() == R"({"cmd":"confirm","fact":7})");
    answer(R"({"ok":false,"error":"no fact 7 waits for you","code":4})");
    CHECK(spoken() == "That does not wait any more.");
    CHECK(bench.model->real_calls() == 0);
  }
  SUBCASE("nothing") {
    answer(kNothing);
    bench.advance(300 * kMillisecond);
    CHECK(bench.model->real_calls() == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "two names are one when memory knows both and the person says so twice") {
  say("Ann and Anna Miller are the same person.");
  CHECK(asked() == R"({"cmd":"merge","name":"Ann","into":"Anna Miller","dry_run":true})");
  SUBCASE("yes") {
    answer(R"({"ok":true,"dry_run":true,"name":"ann","into":"anna miller","one":false})");
    CHECK(spoken() == "\"ann\", \"anna miller\". Shall I keep both as one, by the second name?");
    hear_out();
    say("Yes.");
    CHECK(asked() == R"({"cmd":"merge","name":"ann","into":"anna miller","dry_run":false})");
    answer(R"({"ok":true,"entities":[]})");
    CHECK(spoken() == "They are one now.");
    CHECK(bench.model->real_calls() == 0);
  }
  SUBCASE("no") {
    answer(R"({"ok":true,"dry_run":true,"name":"ann","into":"anna miller","one":false})");
    (void)spoken();
    hear_out();
    say("No.");
    CHECK(asked().empty());
    CHECK(spoken() == "I will leave them as they are.");
  }
  SUBCASE("one already") {
    answer(R"({"ok":true,"dry_run":true,"name":"ann","into":"anna miller","one":true})");
    CHECK(spoken() == "They are one already.");
  }
  SUBCASE("memory knows no such name: a turn") {
    answer(R"({"ok":false,"error":"nothing is known","code":4})");
    bench.advance(300 * kMillisecond);
    CHECK(spoken().empty());
    CHECK(bench.model->real_calls() == 1);
  }
}

TEST_CASE_FIXTURE(Fixture, "a brain that dies while memory is asked asks again, and says it once") {
  say("민수랑 김민수는 다른 사람이야");
  CHECK(asked() == R"({"cmd":"unmerge","name":"민수랑","into":"김민수는","dry_run":true})");
  bench.restart();
  CHECK(asked() == R"({"cmd":"unmerge","name":"민수랑","into":"김민수는","dry_run":true})");
  answer(R"({"ok":true,"dry_run":true,"name":"민수","into":"김민수","one":true})");
  CHECK(spoken() == "\"민수\", \"김민수\". 둘을 다시 따로 기억할까요?");
  hear_out();
  CHECK(spoken().empty());
}

TEST_CASE_FIXTURE(Fixture, "in a chat: what was sent counts as read") {
  ChatClient client(bench);
  client.send("{\"type\":\"hello\"}\n");
  const std::string id(client.next().get("conversation").as_string());
  const auto write = [&](const std::string& text) {
    json::Writer out;
    out.begin_object().member("type", "message").member("content", text).member("conversation", id);
    client.send(out.end_object().str() + "\n");
    bench.advance(400 * kMillisecond);
  };
  write("anything to confirm?");
  (void)asked();
  answer(kOne);
  CHECK(client.next().get("content").as_string() ==
        "One thing waits for you. \"The user lives in Oslo\". Is that true?");
  CHECK(client.type() == "done");
  write("yes");
  CHECK(asked() == R"({"cmd":"confirm","fact":7})");
  answer(kDone);
  CHECK(client.next().get("content").as_string() == "I will remember that.");
  CHECK(client.type() == "done");
  CHECK(of_kind(bench.sent("turns"), Kind::kUserMessage).empty());
  CHECK(bench.model->real_calls() == 0);
}

TEST_CASE("where memory is off the words are a turn") {
  BrainBench bench({"memory.enabled=false"});
  bench.say(1, "Anything to confirm?");
  bench.advance(300 * kMillisecond);
  CHECK(bench.model->real_calls() == 1);
}
