#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "brain/engines/server_model.hpp"
#include "http/sse_parser.hpp"
#include "tests/fuzz/fuzz_support.hpp"

/// What must hold of the answers of language models, whatever they speak.
namespace prot::fuzz {

struct ModelAnswer {
  brain::AnswerReader::State state = brain::AnswerReader::State::kOpen;
  std::vector<brain::ModelEvent> events;
  bool refused = false;  // what came cannot be read
};

/// One stream, as ServerModel reads it.
inline ModelAnswer read_answer(brain::AnswerReader& reader, std::string_view stream) {
  using State = brain::AnswerReader::State;
  ModelAnswer answer;
  http::SseParser parser;
  const auto open = [&] { return answer.state == State::kOpen || answer.state == State::kIdle; };
  try {
    std::vector<http::SseEvent> events = parser.push(stream);
    for (http::SseEvent& last : parser.finish()) events.push_back(std::move(last));
    for (const http::SseEvent& event : events)
      if (open()) answer.state = reader.take(event, answer.events);
    if (open()) answer.state = reader.end(false, answer.events);
  } catch (const Error&) {
    answer.refused = true;
  }
  return answer;
}

/// The end comes once, at last, behind the calls; a failure says why. Returns the text.
inline std::string check_answer(const brain::AnswerReader& reader, const ModelAnswer& answer) {
  using Kind = brain::ModelEvent::Kind;
  using State = brain::AnswerReader::State;
  std::string text;
  bool done = false;
  std::size_t calls = 0;
  for (const brain::ModelEvent& event : answer.events) {
    require(!done, "nothing comes behind the end");
    require(event.kind != Kind::kError, "errors are the owner's to tell");
    done = event.kind == Kind::kDone;
    text += event.text;
    if (event.kind != Kind::kToolCall) continue;
    ++calls;
    require(utf8::is_valid(event.call.id) && utf8::is_valid(event.call.name), "a call's names are text");
  }
  if (answer.refused) return text;
  require(done == (answer.state == State::kOver), "the end is told, and only then");
  require((answer.state == State::kFailed) == !reader.failure().why.empty(), "a failure says why");
  if (done)
    require(calls == 0 || answer.events.back().stop != brain::StopReason::kEnd, "calls are no mere end");
  return text;
}

/// As ToolRunner keeps them: a JSON object, whatever the model wrote.
inline std::string kept_arguments(const std::string& arguments) {
  constexpr const char* kNone = "{}";
  // The second: what nests so deeply that this test cannot read the request.
  if (!is_json(arguments) || !is_json("[[[[[[[[" + arguments + "]]]]]]]]")) return kNone;
  const json::Document document = json::parse(arguments);
  return document.root().is_object() ? document.root().to_json() : kNone;
}

/// The request that follows: what the model said goes back to it, with the results of its calls.
inline brain::Request next_request(const ModelAnswer& answer, const std::string& text) {
  brain::Request request;
  request.prompt = {"You are prot."};
  request.context = "It is noon.";
  request.tools = {{"lamp", "Switches a lamp.", R"({"type":"object"})"}};
  request.messages.push_back({brain::Role::kUser, "Light, please.", {}, {}});
  brain::Message said{brain::Role::kAssistant, text, {}, {}};
  for (const brain::ModelEvent& event : answer.events) {
    if (event.kind == brain::ModelEvent::Kind::kToolCall)
      said.tool_calls.push_back({event.call.id, event.call.name, kept_arguments(event.call.arguments)});
    if (event.kind == brain::ModelEvent::Kind::kDone) said.verbatim = event.verbatim;
  }
  request.messages.push_back(said);
  for (const brain::ToolCall& call : said.tool_calls)
    request.messages.push_back({brain::Role::kTool, "done", {}, call.id});
  if (said.tool_calls.empty()) request.messages.push_back({brain::Role::kUser, "And then?", {}, {}});
  return request;
}

}  // namespace prot::fuzz
