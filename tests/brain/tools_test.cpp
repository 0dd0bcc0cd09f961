#include <doctest/doctest.h>

#include <random>

#include "brain/conversation.hpp"
#include "brain/tool_runner.hpp"
#include "brain/tools/date_time.hpp"
#include "fake_tool.hpp"
#include "text/utf8.hpp"
#include "valid_messages.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

namespace {

Request request_of(const Conversation& talk, const Toolbox& toolbox, const ToolRunner& runner) {
  Request request;
  request.messages = talk.messages();
  request.tools = toolbox.descriptions();
  runner.add_to(request);
  return request;
}

std::string result_of(const ToolRunner& runner, std::size_t call = 0) {
  return runner.rounds().back().exchanges.at(call).result.value_or("none");
}

struct Bench {
  std::shared_ptr<ToolDesk> desk = std::make_shared<ToolDesk>();
  Toolbox toolbox{one_tool("lamp", desk)};
  ToolRunner runner{toolbox};
  Request request;
  Bench() { request.tools = toolbox.descriptions(); }

  bool start(ToolCall call, bool whole = true) {
    runner.call(std::move(call));
    return runner.start(request, "Let me see.", whole, 0);
  }
};

}  // namespace

TEST_CASE("what a server wants back unchanged goes back as long as the reply goes on, over a restart too") {
  Bench bench;
  bench.runner.call({"call_abcdefgh", "lamp", "{}"});
  REQUIRE(bench.runner.start(bench.request, "Let me see.", true, 0, R"([{"type":"thinking"}])"));
  json::Writer out;
  write_round(out, bench.runner.rounds().back());
  const json::Document journal = json::parse(out.str());
  const ToolRunner later(bench.toolbox, {read_round(journal.root())});
  Request next;
  later.add_to(next);
  REQUIRE(next.messages.size() == 2);
  CHECK(next.messages[0].verbatim == R"([{"type":"thinking"}])");
  Conversation talk(1000);
  talk.add_user("Light, please");
  talk.add_reply("There you are.", false, later.rounds());
  for (const Message& message : talk.messages()) CHECK(message.verbatim.empty());
}

TEST_CASE("a round is asked for, run and told, without waiting") {
  Bench bench;
  CHECK_FALSE(bench.runner.start(bench.request, "no call", true, 0));
  REQUIRE(bench.start({"call_abcdefgh", "lamp", R"({"on":true})"}));
  CHECK(bench.desk->started == std::vector<std::string>{R"({"on":true})"});
  CHECK_FALSE(bench.runner.poll(1));
  CHECK(bench.runner.next_deadline() == 10 * kSecond);
  bench.desk->answer = "bright";
  CHECK(bench.runner.poll(2));
  CHECK_FALSE(bench.runner.poll(3));  // once
  CHECK(bench.desk->open == 0);
  Request next;
  next.messages = {{Role::kUser, "Light, please", {}, {}}};
  bench.runner.add_to(next);
  REQUIRE(next.messages.size() == 3);
  CHECK(next.messages[1].text == "Let me see.");
  CHECK(next.messages[1].tool_calls.at(0).id == "call_abcdefgh");
  CHECK(next.messages[2].tool_call_id == "call_abcdefgh");
  CHECK(next.messages[2].text == "bright");
  CHECK_FALSE(next.no_calls);
}

TEST_CASE("what a model gets wrong is told to it, and the reply goes on") {
  const auto said = [](ToolCall call, bool whole = true) {
    Bench bench;
    REQUIRE(bench.start(std::move(call), whole));
    CHECK(bench.desk->started.empty());
    REQUIRE(bench.runner.poll(1));
    return result_of(bench.runner);
  };
  CHECK(said({"", "lamp", "{\"on\":tr"}).find("not JSON") != std::string::npos);
  CHECK(said({"", "lamp", "[1]"}).find("no JSON object") != std::string::npos);
  CHECK(said({"", "rm -rf", "{}"}).find("there are: lamp") != std::string::npos);
  CHECK(said({"", "lamp", "{}"}, false).find("was cut") != std::string::npos);
  CHECK(said({"", "lamp", R"({"a":")" + std::string(20000, 'x') + "\"}"}).find("16 KiB") !=
        std::string::npos);

  Bench bench;
  bench.desk->dislike = "on must be true or false";
  REQUIRE(bench.start({"", "lamp", ""}));  // no arguments: {}
  CHECK(bench.runner.poll(1));
  CHECK(result_of(bench.runner) == R"({"error":"on must be true or false"})");
  CHECK(bench.runner.rounds()[0].exchanges[0].call.arguments == "{}");
}

TEST_CASE("a tool that never answers, or fails, costs its time and nothing else") {
  Bench bench;
  REQUIRE(bench.start({"", "lamp", "{}"}));
  CHECK_FALSE(bench.runner.poll(10 * kSecond - 1));
  CHECK(bench.runner.poll(10 * kSecond));
  CHECK(result_of(bench.runner) == R"({"error":"no answer within 10 s"})");
  CHECK(bench.desk->open == 0);
  REQUIRE(bench.start({"", "lamp", "{}"}));
  bench.desk->failure = "the bridge is off";
  CHECK(bench.runner.poll(1));
  CHECK(result_of(bench.runner) == R"({"error":"the bridge is off"})");
}

TEST_CASE("a result of 1 MB is cut with a note, at a character, and never kept whole") {
  Bench bench;
  std::string huge;
  while (huge.size() < 1'000'000) huge += "켜졌습니다";
  REQUIRE(bench.start({"", "lamp", "{}"}));
  bench.desk->answer = huge;
  CHECK(bench.runner.poll(1));
  const std::string kept = result_of(bench.runner);
  CHECK(kept.size() < Toolbox::kMaxResult + 100);
  CHECK(text::is_valid_utf8(kept));
  CHECK(kept.find("\xEF\xBF\xBD") == std::string::npos);
  CHECK(kept.ends_with("[cut: these are the first 8192 of " + std::to_string(huge.size()) + " bytes]"));
  REQUIRE(bench.start({"", "lamp", "{}"}));
  bench.desk->answer = "caf\xC3";
  CHECK(bench.runner.poll(1));
  CHECK(result_of(bench.runner) == "caf\xEF\xBF\xBD");
}

TEST_CASE("three rounds, eight calls a round, and ids that are each other's") {
  Bench bench;
  bench.desk->answer = "ok";
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 9; ++i) bench.runner.call({"call_0", "lamp", "{}"});
    REQUIRE(bench.runner.start(bench.request, {}, true, 0));
    REQUIRE(bench.runner.poll(0));
    Request next;
    next.tools = bench.toolbox.descriptions();
    next.messages = {{Role::kUser, "on", {}, {}}};
    bench.runner.add_to(next);
    CHECK(complaint(next.messages).empty());
    CHECK(next.no_calls == (round == 2));
    bench.request = next;
  }
  CHECK(bench.desk->started.size() == 24);
  CHECK_FALSE(bench.start({"", "lamp", "{}"}));  // it was told that it may not
  CHECK(bench.runner.rounds().size() == 3);
}

TEST_CASE("without tools a call is not answered, and cancelled ones are closed") {
  Toolbox none;
  ToolRunner runner(none);
  runner.call({"", "lamp", "{}"});
  CHECK_FALSE(runner.start({}, "Well", true, 0));
  CHECK(runner.rounds().empty());

  Bench bench;
  bench.runner.call({"", "lamp", "{}"});
  bench.runner.call({"", "unknown", "{}"});
  REQUIRE(bench.runner.start(bench.request, {}, true, 0));
  bench.runner.cancel();
  CHECK(bench.desk->open == 0);
  CHECK_FALSE(bench.runner.poll(1));
  std::vector<Message> messages = {{Role::kUser, "on", {}, {}}};
  append_messages(bench.runner.rounds()[0], messages);
  CHECK(complaint(messages).empty());
  CHECK(messages[2].text == kInterruptedResult);
  CHECK(messages[3].text.find("there is no tool") != std::string::npos);  // finished results stay
}

TEST_CASE("date_time tells the time in a named zone, and what is wrong with a name") {
  DateTimeTool tool([] { return 1782864000 * kSecond; });  // 1 July 2026, 00:00 UTC
  const auto ask = [&](const std::string& arguments) {
    const json::Document document = json::parse(arguments);
    return tool.start(document.root(), 0)->poll(0).value();
  };
  CHECK(
      ask(R"({"time_zone":"Asia/Seoul"})") ==
      R"({"time_zone":"Asia/Seoul","datetime":"2026-07-01 09:00:00","weekday":"Wednesday","utc_offset":"+09:00"})");
  CHECK(ask(R"({"time_zone":"New York"})").find("2026-06-30 20:00:00") != std::string::npos);
  CHECK(ask("{}").find("datetime") != std::string::npos);
  CHECK_THROWS_WITH((void)ask(R"({"time_zone":"Moon"})"),
                    "there is no time zone 'Moon'; names are such as Asia/Seoul");
  CHECK_THROWS_WITH((void)ask(R"({"time_zone":9})"), "time_zone must be text");
  CHECK(json::parse(tool.description().schema).get("type").as_string() == "object");
}

// A reply is interrupted at any moment: while the model answers, while tools run, between them, while it is
// spoken.
TEST_CASE("however a conversation is interrupted, its messages are valid") {
  std::size_t calls = 0;
  std::size_t interrupted_calls = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937 random(seed);
    const auto one_in = [&](unsigned n) { return random() % n == 0; };
    const std::vector<std::string> ids = {"", "call_0", "call_abcdefgh", "call_abcdefgh", "id with spaces",
                                          "x"};
    const std::vector<std::string> names = {"lamp", "lamp", "lamp", "unknown", "", std::string(90, 'n'),
                                            "a b"};
    const std::vector<std::string> arguments = {"{}", "", R"({"on":1})", "{\"on\":", "7", "null"};
    const auto any = [&](const std::vector<std::string>& of) { return of[random() % of.size()]; };
    const auto desk = std::make_shared<ToolDesk>();
    Toolbox toolbox(one_tool("lamp", desk), 200);
    Conversation talk(one_in(2) ? 300 : 100000);
    Nanos now = 0;
    for (int turn = 0; turn < 12; ++turn) {
      talk.add_user("question " + std::to_string(turn));
      ToolRunner runner(toolbox);
      bool interrupted = false;
      for (;;) {
        if (one_in(10)) {  // its brain dies, and another goes on
          json::Writer out;
          out.begin_array();
          for (const ToolRound& round : runner.rounds()) write_round(out, round);
          const json::Document journal = json::parse(out.end_array().str());
          std::vector<ToolRound> rounds;
          for (std::size_t i = 0; i < journal.root().size(); ++i)
            rounds.push_back(read_round(journal.root().at(i)));
          runner = ToolRunner(toolbox, std::move(rounds));
        }
        const Request request = request_of(talk, toolbox, runner);
        REQUIRE(complaint(request.messages).empty());
        for (unsigned i = random() % 4; i > 0; --i) runner.call({any(ids), any(names), any(arguments)});
        interrupted = one_in(8);
        if (interrupted || !runner.start(request, one_in(2) ? "Let me see." : "", !one_in(6), now)) break;
        while (!interrupted && !runner.poll(now)) {
          desk->answer =
              one_in(4) ? std::optional<std::string>(std::string(random() % 400, 'r') + "!") : std::nullopt;
          desk->failure = one_in(9) ? "made to fail" : "";
          now += static_cast<Nanos>(random() % 4) * kSecond;
          interrupted = one_in(8);
        }
        if (interrupted) break;
      }
      runner.cancel();
      CHECK(desk->open == 0);
      std::vector<ToolRound> rounds = runner.rounds();
      for (ToolRound& round : rounds) {
        round.text.resize(random() % (round.text.size() + 1));  // what was heard of it
        calls += round.exchanges.size();
        for (const ToolExchange& exchange : round.exchanges) interrupted_calls += exchange.result ? 0 : 1;
      }
      talk.add_reply(one_in(3) ? "" : "an answer", interrupted, std::move(rounds));
      const std::string wrong = complaint(talk.messages());
      REQUIRE_MESSAGE(wrong.empty(), "seed " << seed << ", turn " << turn << ": " << wrong);
    }
  }
  CHECK(calls > 2000);
  CHECK(interrupted_calls > 100);
}
