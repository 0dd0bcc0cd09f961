#include "memory/models/anthropic.hpp"

#include <doctest/doctest.h>

#include <string>

#include "json/json.hpp"
#include "memory/models/openai.hpp"
#include "tests/core/http/loopback_server.hpp"

using namespace prot;
using namespace prot::memory;

namespace {

constexpr const char* kSchema = R"({"type":"object","properties":{"facts":{"type":"array"}}})";

struct Outcome {
  std::string answer;
  std::string asked;
  std::string error;
  ServiceError::Kind kind = ServiceError::Kind::kFailed;
};

Outcome ask(const std::string& status, const std::string& body, bool stop = false) {
  Outcome outcome;
  LoopbackServer server([&](Connection& connection) {
    outcome.asked = connection.request;
    connection.answer(status, "Content-Type: application/json\r\n", body);
    return false;
  });
  const auto model = make_anthropic_model({server.url(), "claude-test", "sk-secret"});
  std::stop_source source;
  if (stop) source.request_stop();
  try {
    outcome.answer = model->ask("Extract.", "I like tea.", kSchema, source.get_token());
  } catch (const ServiceError& e) {
    outcome.error = e.what();
    outcome.kind = e.kind();
  }
  return outcome;
}

}  // namespace

TEST_CASE("facts are the input of a tool that must be called, of the schema that was asked for") {
  const Outcome good =
      ask("200 OK", R"({"content":[{"type":"text","text":"Well."},{"type":"tool_use","id":"t",)"
                    R"("name":"facts","input":{"facts":[1]}}],"stop_reason":"tool_use"})");
  CHECK(good.answer == R"({"facts":[1]})");
  CHECK(good.asked.find("POST /v1/messages ") == 0);
  CHECK(good.asked.find("x-api-key: sk-secret\r\n") != std::string::npos);
  const json::Document body = json::parse(good.asked.substr(good.asked.find("\r\n\r\n") + 4));
  CHECK(body.get("tool_choice").to_json() == R"({"type":"tool","name":"facts"})");
  CHECK(body.get("tools").at(0).get("input_schema").to_json() == kSchema);
  CHECK(body.get("system").as_string() == "Extract.");
  CHECK(body.get("messages").at(0).get("content").as_string() == "I like tea.");
}

TEST_CASE(
    "what is wrong with the service says nothing about the exchange, what is wrong with its answer does") {
  for (const char* status : {"401 Unauthorized", "429 Too Many Requests", "529 Overloaded"})
    CHECK(ask(status, R"({"type":"error","error":{"type":"x"}})").kind == ServiceError::Kind::kUnavailable);
  for (const char* answer : {R"({"content":[],"stop_reason":"end_turn"})", "no JSON",
                             R"({"content":[{"type":"tool_use","input":{}}],"stop_reason":"max_tokens"})"}) {
    CAPTURE(answer);
    const Outcome bad = ask("200 OK", answer);
    CHECK_FALSE(bad.error.empty());
    CHECK(bad.kind == ServiceError::Kind::kFailed);
  }
  CHECK(ask("200 OK", "{}", true).kind == ServiceError::Kind::kCancelled);
}

TEST_CASE("an OpenAI-compatible address is good with and without /v1, as brain's is") {
  for (const char* path : {"", "/", "/v1", "/v1/"}) {
    CAPTURE(path);
    std::string asked;
    LoopbackServer server([&](Connection& connection) {
      asked = connection.request;
      connection.answer("200 OK", "Content-Type: application/json\r\n",
                        R"({"choices":[{"message":{"content":"{}"}}]})");
      return false;
    });
    const auto model = make_openai_model({server.url(path), {}, "m", {}, false});
    CHECK(model->ask("Extract.", "I like tea.", kSchema, std::stop_token()) == "{}");
    CHECK(asked.starts_with("POST /v1/chat/completions "));
  }
}
