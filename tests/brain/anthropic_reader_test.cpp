#include "brain/engines/anthropic_reader.hpp"

#include <doctest/doctest.h>

#include <random>

#include "base/error.hpp"
#include "http/sse_parser.hpp"

using namespace prot;
using namespace prot::brain;
using http::ErrorClass;
using State = AnthropicReader::State;

namespace {

std::string event(const std::string& type, const std::string& fields = "") {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + (fields.empty() ? "" : "," + fields) +
         "}\n\n";
}
std::string start() {
  return event("message_start",
               R"("message":{"id":"msg_1","role":"assistant","content":[],"stop_reason":null,"usage":)"
               R"({"input_tokens":12,"cache_read_input_tokens":100,"cache_creation_input_tokens":30,)"
               R"("output_tokens":1}})");
}
std::string block(const std::string& content) {
  return event("content_block_start", "\"index\":0,\"content_block\":" + content);
}
std::string delta(const std::string& fields) {
  return event("content_block_delta", "\"index\":0,\"delta\":{" + fields + "}");
}
std::string text(const std::string& words) {
  return block(R"({"type":"text","text":""})") + delta(R"("type":"text_delta","text":")" + words + "\"") +
         event("content_block_stop", "\"index\":0");
}
std::string stop(const std::string& reason) {
  return event("message_delta",
               R"("delta":{"stop_reason":")" + reason + R"("},"usage":{"output_tokens":33})") +
         event("message_stop");
}
std::string call(const std::string& id, const std::vector<std::string>& pieces) {
  std::string out = block(R"({"type":"tool_use","id":")" + id + R"(","name":"hass_request","input":{}})") +
                    delta(R"("type":"input_json_delta","partial_json":"")");
  for (const std::string& piece : pieces)
    out += delta(R"("type":"input_json_delta","partial_json":")" + piece + "\"");
  return out + event("content_block_stop", "\"index\":0");
}

/// What came of a stream that came in pieces.
struct Outcome {
  std::string text;
  std::vector<ToolCall> calls;
  Usage usage;
  StopReason reason = StopReason::kEnd;
  std::string verbatim;
  State state = State::kOpen;
  Failure failure;
  std::string carried;
  std::vector<std::string> compacted;
  std::vector<std::string> unknown;
  bool slow = false;
};

Outcome read(const std::vector<std::string_view>& pieces, bool prefill = false,
             const std::string& carried = {}) {
  Outcome out;
  AnthropicReader reader(
      {"http://x/v1/messages", "x m", [&](const std::string& summary) { out.compacted.push_back(summary); },
       [&](const std::string& what) { out.unknown.push_back(what); }},
      prefill, carried);
  http::SseParser parser;
  std::vector<ModelEvent> events;
  const auto over = [&] { return out.state != State::kOpen && out.state != State::kIdle; };
  const auto take = [&](const std::vector<http::SseEvent>& all) {
    for (const http::SseEvent& one : all)
      if (!over()) out.state = reader.take(one, events);
  };
  for (const std::string_view piece : pieces) take(parser.push(piece));
  take(parser.finish());
  out.slow = reader.is_slow();
  if (!over()) out.state = reader.end(false, events);
  out.failure = reader.failure();
  out.carried = reader.carried();
  for (ModelEvent& one : events) {
    if (one.kind == ModelEvent::Kind::kText) out.text += one.text;
    if (one.kind == ModelEvent::Kind::kToolCall) out.calls.push_back(one.call);
    if (one.kind == ModelEvent::Kind::kUsage) out.usage = one.usage;
    if (one.kind != ModelEvent::Kind::kDone) continue;
    out.reason = one.stop;
    out.verbatim = one.verbatim;
  }
  return out;
}
Outcome read(const std::string& stream) { return read(std::vector<std::string_view>{stream}); }

// Everything at once: thoughts, a search with its result, cited text in several blocks, two calls.
const std::string kWhole =
    start() + event("ping") + block(R"({"type":"thinking","thinking":"","signature":""})") +
    delta(R"("type":"thinking_delta","thinking":"hm 흠")") +
    delta(R"("type":"signature_delta","signature":"c2ln")") + event("content_block_stop", "\"index\":0") +
    block(R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}})") +
    delta(R"("type":"input_json_delta","partial_json":"{\"query\":\"w")") +
    delta(R"("type":"input_json_delta","partial_json":"x\"}")") + event("content_block_stop", "\"index\":1") +
    block(
        R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result",)"
        R"("url":"https://a","title":"A","encrypted_content":"RW5j","page_age":null}]})") +
    event("content_block_stop", "\"index\":2") + text("켰어요 😀, ") + block(R"({"type":"text","text":""})") +
    delta(R"("type":"text_delta","text":"it is \ud83d")") +
    delta(R"("type":"text_delta","text":"\ude00 done.")") +
    delta(
        R"("type":"citations_delta","citation":{"type":"web_search_result_location","encrypted_index":"aQ=="})") +
    event("content_block_stop", "\"index\":4") +
    call("toolu_000000001", {R"({\"command\":\"불)", R"( \\u)", R"(cf1c\\\"!\"})"}) +
    call("toolu_000000002", {}) + stop("tool_use");

void check_whole(const Outcome& out) {
  CHECK(out.state == State::kOver);
  CHECK(out.text == "켰어요 😀, it is 😀 done.");
  REQUIRE(out.calls.size() == 2);
  CHECK(out.calls[0].arguments == "{\"command\":\"불 켜\\\"!\"}");
  CHECK(out.calls[1].arguments == "{}");
  CHECK(out.reason == StopReason::kTools);
  CHECK(out.usage.prompt_tokens == 142);
  CHECK(out.usage.cached_tokens == 100);
  CHECK(out.usage.written_tokens == 30);
  CHECK(out.usage.reply_tokens == 33);
  CHECK(
      out.verbatim ==
      R"({"by":"x m","content":[{"type":"thinking","thinking":"hm 흠","signature":"c2ln"},)"
      R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"wx"}},)"
      R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result",)"
      R"("url":"https://a","title":"A","encrypted_content":"RW5j","page_age":null}]},)"
      R"({"type":"text","text":"켰어요 😀, "},{"type":"text","text":"it is 😀 done.",)"
      R"("citations":[{"type":"web_search_result_location","encrypted_index":"aQ=="}]},)"
      R"({"type":"tool_use","id":"toolu_000000001","name":"hass_request","input":{"command":"불 켜\"!"}},)"
      R"({"type":"tool_use","id":"toolu_000000002","name":"hass_request","input":{}}]})");
}

}  // namespace

TEST_CASE("an answer is the same wherever its bytes are split") {
  check_whole(read(kWhole));
  const std::string_view whole = kWhole;
  for (std::size_t at = 1; at < whole.size(); ++at) {
    CAPTURE(at);
    check_whole(read({whole.substr(0, at), whole.substr(at)}));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < whole.size();) {
      const std::size_t size = 1 + random() % (round % 2 == 0 ? 7 : 300);
      pieces.push_back(whole.substr(at, size));
      at += size;
    }
    CAPTURE(round);
    check_whole(read(pieces));
  }
  std::string crlf;
  for (const char c : kWhole) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  check_whole(read(crlf));
}

TEST_CASE("every reason to stop") {
  const std::pair<const char*, StopReason> reasons[] = {
      {"end_turn", StopReason::kEnd},      {"stop_sequence", StopReason::kEnd},
      {"max_tokens", StopReason::kLength}, {"model_context_window_exceeded", StopReason::kLength},
      {"refusal", StopReason::kFiltered},  {"of_a_kind_to_come", StopReason::kEnd}};
  for (const auto& reason : reasons) {
    CAPTURE(reason.first);
    const Outcome out = read(start() + text("Hi.") + stop(reason.first));
    CHECK(out.state == State::kOver);
    CHECK(out.text == "Hi.");
    CHECK(out.reason == reason.second);
    CHECK(out.verbatim.empty());
  }
  CHECK(read(start() + text("Hi.") + stop("of_a_kind_to_come")).unknown.size() == 1);
  // A call that was cut is no call to make: its runner hears "length".
  const Outcome cut =
      read(start() + block(R"({"type":"tool_use","id":"toolu_000000001","name":"f","input":{}})") +
           delta(R"("type":"input_json_delta","partial_json":"{\"a\": \"x")") + stop("max_tokens"));
  CHECK(cut.reason == StopReason::kLength);
  CHECK(cut.calls.size() == 1);
}

TEST_CASE("a paused answer is carried on with all its blocks, an old one's before them") {
  const Outcome paused =
      read(start() + block(R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}})") +
           event("content_block_stop", "\"index\":0") + stop("pause_turn"));
  CHECK(paused.state == State::kAskAgain);
  CHECK(paused.slow == false);
  CHECK(paused.carried == R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}})");
  const std::string second = start() + text("Done.") + call("toolu_000000001", {"{}"}) + stop("tool_use");
  const Outcome on = read({second}, false, paused.carried);
  CHECK(on.text == "Done.");
  CHECK(on.verbatim.find("{\"by\":\"x m\",\"content\":[" + paused.carried + ",{\"type\":\"text\"") == 0);
}

TEST_CASE("a summary is kept, one that failed is not") {
  const auto summary = [](const std::string& content) {
    return read(
        start() + block(R"({"type":"compaction","content":null})") +
        delta(R"("type":"compaction_delta","content":)" + content + R"(,"encrypted_content":"eA==")") +
        event("content_block_stop", "\"index\":0") + stop("compaction"));
  };
  const Outcome good = summary("\"They spoke of lamps.\"");
  CHECK(good.state == State::kAskAgain);
  REQUIRE(good.compacted.size() == 1);
  CHECK(good.compacted[0] ==
        R"({"type":"compaction","content":"They spoke of lamps.","encrypted_content":"eA=="})");
  CHECK(good.carried == good.compacted[0]);
  CHECK(summary("null").compacted.empty());
}

TEST_CASE("arguments that are no JSON stay what they are, and go back as none") {
  const Outcome out = read(start() + call("toolu_000000001", {R"({\"a\": \"x)"}) + stop("tool_use"));
  REQUIRE(out.calls.size() == 1);
  CHECK(out.calls[0].arguments == "{\"a\": \"x");
  CHECK(out.verbatim.find(R"("input":{}})") != std::string::npos);
}

TEST_CASE("errors within the stream are told apart") {
  const std::pair<const char*, ErrorClass> errors[] = {{"overloaded_error", ErrorClass::kOverloaded},
                                                       {"rate_limit_error", ErrorClass::kOverloaded},
                                                       {"api_error", ErrorClass::kRetry},
                                                       {"timeout_error", ErrorClass::kRetry},
                                                       {"internal_error", ErrorClass::kRetry},
                                                       {"authentication_error", ErrorClass::kAuth},
                                                       {"billing_error", ErrorClass::kQuota},
                                                       {"invalid_request_error", ErrorClass::kFatal},
                                                       {"BadRequestError", ErrorClass::kFatal}};
  for (const auto& error : errors) {
    CAPTURE(error.first);
    const Outcome out = read(start() + text("Half") +
                             event("error", R"("error":{"type":")" + std::string(error.first) + "\"}"));
    CHECK(out.state == State::kFailed);
    CHECK(out.failure.error == error.second);
    CHECK(out.failure.why.find("http://x/v1/messages") == 0);
  }
  const Outcome plain = read("data: {\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}\n\n");
  CHECK(plain.state == State::kFailed);
  CHECK(plain.failure.error == ErrorClass::kRetry);
  CHECK_THROWS_AS(read("event: message_start\ndata: {broken\n\n"), Error);
}

TEST_CASE("a stream that ends before the answer does has failed, one that lacks only the last word has not") {
  CHECK(read(start() + text("Half")).failure.error == ErrorClass::kRetry);
  CHECK(read("").state == State::kFailed);
  const std::string whole = start() + text("Hi.") + stop("end_turn");
  CHECK(read(whole.substr(0, whole.find("event: message_stop"))).state == State::kOver);
}

TEST_CASE("what other servers send that speak the same") {
  // No "event:" lines, no signature, no stop reason, the whole input at once, blocks that are not ended.
  const Outcome out = read(
      "data: {\"type\":\"message_start\",\"message\":{}}\n\n"
      "data: "
      "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"hm\"}}\n\n"
      "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"Hi\"}}\n\n"
      "data: "
      "{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"id\":\"call_123456789\","
      "\"name\":\"f\",\"input\":{\"a\":1}}}\n\n"
      "data: {\"type\":\"message_stop\"}\n\n");
  CHECK(out.text == "Hi");
  REQUIRE(out.calls.size() == 1);
  CHECK(out.calls[0].arguments == "{\"a\":1}");
  CHECK(out.reason == StopReason::kTools);
  // No stream at all.
  const Outcome whole = read(
      "data: {\"type\":\"message\",\"content\":[{\"type\":\"text\",\"text\":\"Hi.\"}],"
      "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5,\"output_tokens\":2}}\n\n");
  CHECK(whole.text == "Hi.");
  CHECK(whole.usage.prompt_tokens == 5);
}

TEST_CASE("what nobody knows is ignored, and said once for each name") {
  const Outcome out =
      read(start() + event("content_block_mood", "\"mood\":1") + block(R"({"type":"text","text":""})") +
           delta(R"("type":"mood_delta","mood":1)") + delta(R"("type":"text_delta","text":"Hi.")") +
           event("content_block_stop") + stop("end_turn"));
  CHECK(out.text == "Hi.");
  CHECK(out.unknown == std::vector<std::string>{"event content_block_mood", "delta mood_delta"});
}

TEST_CASE("it is known to be slow while it thinks, searches and writes a call, and not while it speaks") {
  CHECK_FALSE(read(start()).slow);
  CHECK(read(start() + block(R"({"type":"thinking","thinking":""})")).slow);
  CHECK(read(start() + block(R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})") +
             event("content_block_stop"))
            .slow);
  const std::string result = start() +
                             block(R"({"type":"web_search_tool_result","tool_use_id":"s","content":[]})") +
                             event("content_block_stop");
  CHECK(read(result).slow);  // it reads what it found
  CHECK_FALSE(read(result + block(R"({"type":"text","text":""})")).slow);
  CHECK_FALSE(read(start() + text("a")).slow);
  CHECK(read(start() + block(R"({"type":"tool_use","id":"t","name":"f","input":{}})")).slow);
  CHECK_FALSE(read(start() + block(R"({"type":"text","text":"a"})")).slow);
}

// Brain died of the request, and at its restart of the same one.
TEST_CASE("a block that nests too deeply for the request that follows does not go back") {
  const std::string deep = R"({"type":"odd","x":)" + std::string(120, '[') + std::string(120, ']') + "}";
  const Outcome kept = read(start() + block(deep) + call("toolu_1", {}) + stop("tool_use"));
  CHECK(kept.verbatim.find("odd") != std::string::npos);
  const std::string input = std::string(125, '[') + std::string(125, ']');
  const Outcome left = read(start() + call("toolu_1", {R"({\"a\":)" + input + "}"}) + stop("tool_use"));
  REQUIRE(left.calls.size() == 1);
  CHECK(left.calls[0].arguments == R"({"a":)" + input + "}");
  CHECK(left.verbatim == R"({"by":"x m","content":[]})");
  REQUIRE(left.unknown.size() == 1);
  CHECK(left.unknown[0] == "block that nests too deeply");
}
