#include <doctest/doctest.h>

#include "brain/engines/anthropic.hpp"
#include "brain/engines/anthropic_compactions.hpp"
#include "brain/prompt.hpp"
#include "brain/tool_round.hpp"
#include "json/json.hpp"

using namespace prot;
using namespace prot::brain;

namespace {

AnthropicOptions options() {
  AnthropicOptions out;
  out.model = "claude-test";
  return out;
}

struct Body {
  AnthropicOptions with = options();
  AnthropicCompactions compactions;
  Request request;
  std::string carried;
  std::string raw;
  json::Document document;

  Body() {
    request.prompt = {"Be brief."};
    request.messages = {{Role::kUser, "Hi", {}, {}}};
  }
  json::View json() {
    raw = anthropic_body(with, compactions, request, carried);
    document = json::parse(raw);
    return document.root();
  }
  /// The content of message `index`.
  json::View content(std::size_t index) { return json().get("messages").at(index).get("content"); }
  /// "user assistant user"
  std::string roles() {
    std::string out;
    const json::View messages = json().get("messages");
    for (std::size_t i = 0; i < messages.size(); ++i)
      out += std::string(i == 0 ? "" : " ") + std::string(messages.at(i).get("role").as_string());
    return out;
  }
};

Tool lamp() { return {"lamp", "switches", R"({"type":"object","properties":{}})"}; }

ToolRound round_of(const std::string& verbatim = {}) {
  ToolRound round;
  round.text = "Let me see.";
  round.exchanges = {{{"toolu_000000001", "lamp", R"({"on":true})"}, "bright"},
                     {{"toolu_000000002", "lamp", "{}"}, R"({"error":"no lamp"})"}};
  round.verbatim = verbatim;
  return round;
}

std::string verbatim_of(const std::string& author, const std::string& second = "toolu_000000002") {
  return R"({"by":")" + author +
         R"(","content":[{"type":"thinking","thinking":"","signature":"c2ln"},)"
         R"({"type":"tool_use","id":"toolu_000000001","name":"lamp","input":{"on":true}},)"
         R"({"type":"tool_use","id":")" +
         second + R"(","name":"lamp","input":{}}]})";
}

}  // namespace

TEST_CASE("the system prompt is three blocks, of which the first two are for the cache") {
  Body body;
  const Prompt prompt({"en", "Be brief.", 160, 0.3});
  body.request.context = prompt.context(1'700'000'000 * kSecond, "[You know: Anna has a cat.]\n");
  const json::View system = body.json().get("system");
  REQUIRE(system.size() == 3);
  CHECK(system.at(0).get("text").as_string() == "Be brief.");
  CHECK(system.at(1).get("text").as_string() == "[You know: Anna has a cat.]");
  CHECK(system.at(2).get("text").as_string().substr(0, 11) == "[datetime: ");
  CHECK(system.at(2).get("text").as_string().back() == ']');
  CHECK(system.at(0).get("cache_control").get("type").as_string() == "ephemeral");
  CHECK(system.at(1).get("cache_control"));
  CHECK_FALSE(system.at(2).get("cache_control"));
  CHECK(body.content(0).at(0).get("text").as_string() == "Hi");  // the words alone

  body.request.context = prompt.context(1'700'000'000 * kSecond, "");
  CHECK(body.json().get("system").at(1).get("text").as_string() == "(no additional context)");
  body.with.features.cache = false;
  CHECK(body.json().get("system").size() == 3);
  CHECK(body.raw.find("cache_control") == std::string::npos);
}

TEST_CASE("what stands before the time is the same bytes from turn to turn") {
  const Prompt prompt({"en", "Be brief.", 160, 0.3, false, {lamp()}});
  Conversation talk(10000);
  std::string stable;
  for (int turn = 0; turn < 4; ++turn) {
    talk.add_user("question " + std::to_string(turn));
    const std::string context =
        prompt.context((1'700'000'000 + 7 * turn) * kSecond, "[You know: Anna has a cat.]", talk.timeline());
    AnthropicOptions with = options();
    with.features.effort = "low";
    with.features.web_search = true;
    const std::string body = anthropic_body(with, {}, prompt.reply(talk, context, Lane::kVoice), {});
    const std::string begin = body.substr(0, body.find("[datetime"));
    REQUIRE(begin.size() > 300);
    if (turn > 0) CHECK(begin == stable);
    stable = begin;
    talk.add_reply("answer", false);
  }
}

TEST_CASE("settings are said only where they are set") {
  Body body;
  CHECK(body.json().get("max_tokens").as_int() == 160);
  for (const char* key :
       {"temperature", "thinking", "output_config", "context_management", "tools", "tool_choice"})
    CHECK_FALSE(body.document.get(key));
  CHECK(body.document.get("stream").as_bool());

  body.with.features.effort = "medium";
  body.with.features.thinking = "enabled";
  body.with.features.temperature = true;
  CHECK(body.json().get("output_config").get("effort").as_string() == "medium");
  CHECK(body.document.get("thinking").get("budget_tokens").as_int() == 2048);
  CHECK(body.document.get("max_tokens").as_int() == 160 + 2048);
  CHECK(body.document.get("temperature").as_double() == doctest::Approx(0.3));
  body.with.features.thinking = "adaptive";
  body.request.json_schema = R"({"type":"object"})";
  CHECK(body.json().get("thinking").size() == 1);
  CHECK(body.document.get("output_config").get("format").get("schema").get("type").as_string() == "object");

  body.request.prefill = true;  // a probe costs next to nothing
  CHECK(body.json().get("max_tokens").as_int() == 1);
  CHECK_FALSE(body.document.get("thinking"));
}

TEST_CASE("context management is asked for with the headers that it needs") {
  Body body;
  CHECK(anthropic_betas(body.with.features).empty());
  body.with.features.tool_clear_tokens = 30000;
  CHECK(anthropic_betas(body.with.features) == "context-management-2025-06-27");
  body.with.features.compaction_tokens = 1000;
  body.with.features.thinking_keep_turns = 2;
  CHECK(anthropic_betas(body.with.features) == "compact-2026-01-12,context-management-2025-06-27");
  json::View edits = body.json().get("context_management").get("edits");
  REQUIRE(edits.size() == 2);  // it does not think: there is nothing to clear
  CHECK(edits.at(0).to_json() ==
        R"({"type":"clear_tool_uses_20250919","trigger":{"type":"input_tokens","value":30000},)"
        R"("keep":{"type":"tool_uses","value":3}})");
  CHECK(edits.at(1).get("trigger").get("value").as_int() == 50000);  // the least that is taken
  CHECK(edits.at(1).get("pause_after_compaction").as_bool());
  body.with.features.thinking = "adaptive";
  edits = body.json().get("context_management").get("edits");
  REQUIRE(edits.size() == 3);
  CHECK(edits.at(0).to_json() ==
        R"({"type":"clear_thinking_20251015","keep":{"type":"thinking_turns","value":2}})");
}

TEST_CASE("a search is offered with the other tools, once a question, with the person's place") {
  Body body;
  body.with.features.web_search = true;
  CHECK_FALSE(body.json().get("tools"));  // the person wants none
  body.request.tools = {lamp()};
  CHECK(body.json().get("tools").at(1).to_json() ==
        R"({"type":"web_search_20250305","name":"web_search","max_uses":1})");
  body.with.features.city = "Seoul";
  body.with.features.time_zone = "Asia/Seoul";
  CHECK(body.json().get("tools").at(1).get("user_location").to_json() ==
        R"({"type":"approximate","city":"Seoul","timezone":"Asia/Seoul"})");
  CHECK(body.document.get("tools").at(0).get("input_schema").get("type").as_string() == "object");
  body.request.no_calls = true;
  CHECK(body.json().get("tool_choice").to_json() == R"({"type":"none"})");
  body.request.no_calls = false;
  body.with.features.parallel_calls = false;
  CHECK(body.json().get("tool_choice").get("disable_parallel_tool_use").as_bool());
}

TEST_CASE("each call has its result in the next message, before any words") {
  Body body;
  append_messages(round_of(), body.request.messages);
  CHECK(body.roles() == "user assistant user");
  CHECK(body.content(1).at(0).get("text").as_string() == "Let me see.");
  CHECK(body.content(1).at(1).to_json() ==
        R"({"type":"tool_use","id":"toolu_000000001","name":"lamp","input":{"on":true}})");
  CHECK(body.content(2).at(0).to_json() ==
        R"({"type":"tool_result","tool_use_id":"toolu_000000001","content":"bright"})");
  CHECK(body.content(2).at(1).get("is_error").as_bool());

  body.request.messages.push_back({Role::kUser, "And?", {}, {}});
  CHECK(body.roles() == "user assistant user");
  CHECK(body.content(2).at(2).get("text").as_string() == "And?");

  // Whatever a history lacks or has too much of, the service takes it.
  body.request.messages.erase(body.request.messages.begin() + 3);  // a result
  CHECK(body.content(2).size() == 3);
  CHECK(body.content(2).at(1).get("tool_use_id").as_string() == "toolu_000000002");
  CHECK(body.content(2).at(1).get("is_error").as_bool());
  body.request.messages[2].tool_call_id = "toolu_of_nobody";
  CHECK(body.content(2).size() == 3);
  body.request.messages.resize(2);  // both
  CHECK(body.roles() == "user assistant user");
  CHECK(body.content(2).size() == 2);
  body.request.messages.push_back({Role::kAssistant, "Never mind.", {}, {}});
  CHECK(body.roles() == "user assistant user");
}

TEST_CASE("what the model thought goes back unchanged, and only to the same model") {
  Body body;
  body.with.features.thinking = "adaptive";
  const std::string author = anthropic_author(body.with);
  append_messages(round_of(verbatim_of(author)), body.request.messages);
  CHECK(body.content(1).size() == 3);
  CHECK(body.content(1).at(0).get("signature").as_string() == "c2ln");
  CHECK(body.document.get("thinking"));
  CHECK(body.roles() == "user assistant user");

  body.request.messages[1].verbatim = verbatim_of("https://other claude-other");
  CHECK(body.content(1).at(0).get("text").as_string() == "Let me see.");
  CHECK_FALSE(body.document.get("thinking"));  // it would want to see its thoughts
  body.request.messages[1].verbatim = verbatim_of(author, "toolu_of_another");
  CHECK(body.content(1).at(0).get("text").as_string() == "Let me see.");
  body.request.messages.push_back({Role::kAssistant, "It is on.", {}, {}});
  body.request.messages.push_back({Role::kUser, "Thanks", {}, {}});
  CHECK(body.json().get("thinking"));  // a new question
}

TEST_CASE("a pause is carried on, and a summary goes back before the answer that it was made for") {
  Body body;
  body.carried =
      R"({"type":"text","text":"So"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}})";
  CHECK(body.roles() == "user assistant");
  CHECK(body.content(1).size() == 2);

  Body later;
  later.request.messages = {{Role::kUser, "Hi", {}, {}}};
  later.compactions.keep(AnthropicCompactions::mark(later.request.messages, 0),
                         R"({"type":"compaction","content":"They met."})");
  later.request.messages.push_back({Role::kAssistant, "Hello.", {}, {}});
  later.request.messages.push_back({Role::kUser, "And?", {}, {}});
  CHECK(later.content(1).at(0).get("content").as_string() == "They met.");
  CHECK(later.content(1).at(1).get("text").as_string() == "Hello.");
  for (std::size_t i = 0; i < AnthropicCompactions::kMost; ++i)
    later.compactions.keep("another " + std::to_string(i), "{}");
  CHECK(later.content(1).size() == 1);
}

TEST_CASE("nothing that is empty is sent") {
  Body body;
  body.request.messages = {
      {Role::kUser, "", {}, {}}, {Role::kAssistant, "Yes?", {}, {}}, {Role::kUser, "Hi", {}, {}}};
  CHECK(body.content(0).at(0).get("text").as_string() == "...");
  body.request.prompt.clear();
  CHECK_FALSE(body.json().get("system"));
}
