#include "brain/engines/openai_flags.hpp"

#include <doctest/doctest.h>

#include "brain/engines/openai.hpp"
#include "brain/tool_round.hpp"
#include "json/json.hpp"

using namespace prot;
using namespace prot::brain;

namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;

Request lamp_request() {
  Request request;
  request.prompt = {"Be brief."};
  request.messages = {{Role::kUser, "Hi", {}, {}}};
  request.tools = {{"lamp", "switches", R"({"type":"object"})"}};
  request.json_schema = R"({"type":"object"})";
  return request;
}

json::Document body_of(const std::string& url, const std::string& model, const Settings& settings,
                       const Request& request = lamp_request()) {
  OpenAiOptions options;
  options.url = url;
  options.model = model;
  options.flags = openai_flags(url, model, settings);
  return json::parse(openai_body(options, request));
}

}  // namespace

TEST_CASE("a server that nobody described gets what most understand") {
  const json::Document body = body_of("http://127.0.0.1:8080", "qwen", {});
  CHECK(body.get("max_tokens").as_int() == 160);
  CHECK(body.get("temperature"));
  CHECK(body.get("stream_options").get("include_usage").as_bool());
  CHECK(body.get("messages").at(0).get("role").as_string() == "system");
  CHECK(body.get("tools").size() == 1);
  CHECK(body.get("response_format").get("type").as_string() == "json_schema");
  CHECK_FALSE(body.get("max_completion_tokens"));
  CHECK_FALSE(body.get("parallel_tool_calls"));
}

TEST_CASE("OpenAI's own names, and what its thinking models refuse") {
  const json::Document plain = body_of("https://api.openai.com/v1", "gpt-4o", {});
  CHECK(plain.get("max_completion_tokens").as_int() == 160);
  CHECK_FALSE(plain.get("max_tokens"));
  CHECK(plain.get("temperature"));
  const json::Document thinking = body_of("https://api.openai.com/v1", "gpt-5-mini", {});
  CHECK_FALSE(thinking.get("temperature"));
  CHECK(thinking.get("messages").at(0).get("role").as_string() == "developer");
}

TEST_CASE("single words beat the preset of the server") {
  const json::Document body = body_of("http://proxy", "x",
                                      {{"server", "openai"},
                                       {"limit", "max_tokens"},
                                       {"role", "developer"},
                                       {"usage", "no"},
                                       {"temperature", "no"},
                                       {"parallel", "no"},
                                       {"schema", "object"}});
  CHECK(body.get("max_tokens"));
  CHECK(body.get("messages").at(0).get("role").as_string() == "developer");
  CHECK_FALSE(body.get("stream_options"));
  CHECK_FALSE(body.get("temperature"));
  CHECK(body.get("parallel_tool_calls").is_bool());
  CHECK(body.get("response_format").to_json() == R"({"type":"json_object"})");
  CHECK_FALSE(body_of("http://proxy", "x", {{"schema", "none"}}).get("response_format"));
}

TEST_CASE("no more calls: said where it is understood, else the tools are not named") {
  Request request = lamp_request();
  request.no_calls = true;
  CHECK(body_of("http://x", "m", {}, request).get("tool_choice").as_string() == "none");
  for (const Settings& settings : {Settings{{"server", "ollama"}}, Settings{{"tool_choice", "no"}}}) {
    const json::Document body = body_of("http://x", "m", settings, request);
    CHECK_FALSE(body.get("tools"));
    CHECK_FALSE(body.get("tool_choice"));
  }
  CHECK_FALSE(body_of("http://127.0.0.1:11434", "m", {}, request).get("tools"));
}

TEST_CASE("a server without tools is told in words what they said") {
  Request request = lamp_request();
  ToolRound round;
  round.text = "Let me see.";
  round.exchanges = {{{"call_00001", "lamp", "{}"}, "bright"}};
  append_messages(round, request.messages);
  request.messages.push_back({Role::kAssistant, "It is on.", {}, {}});
  request.messages.push_back({Role::kUser, "Thanks", {}, {}});
  const json::Document body = body_of("http://x", "m", {{"tools", "no"}}, request);
  CHECK_FALSE(body.get("tools"));
  const json::View messages = body.get("messages");
  REQUIRE(messages.size() == 4);
  CHECK(messages.at(2).get("content").as_string() == "Let me see.\n[bright]\nIt is on.");
  CHECK(messages.at(3).get("role").as_string() == "user");
}
