// Anthropic's Messages over a loopback server: what goes over the wire, and every way in which it may fail.
#include "brain/engines/anthropic.hpp"

#include <doctest/doctest.h>

#include <atomic>

#include "model_loop.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;
using http::ErrorClass;

namespace {

std::string event(const std::string& type, const std::string& fields = "") {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + (fields.empty() ? "" : "," + fields) +
         "}\n\n";
}
const std::string kStart = event("message_start", R"("message":{"content":[],"usage":{"input_tokens":3}})");
std::string says(const std::string& text) {
  return event("content_block_start", R"("index":0,"content_block":{"type":"text","text":""})") +
         event("content_block_delta", R"("index":0,"delta":{"type":"text_delta","text":")" + text + "\"}");
}
std::string ends(const std::string& reason) {
  return event("content_block_stop", "\"index\":0") +
         event("message_delta", R"("delta":{"stop_reason":")" + reason + "\"}") + event("message_stop");
}
std::string answer(const std::string& text) { return kStreamHead + kStart + says(text) + ends("end_turn"); }
std::string error_body(const std::string& type, const std::string& message = "no") {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message +
         R"("},"request_id":"req_1"})";
}

AnthropicOptions options_of(const std::string& url) {
  AnthropicOptions options;
  options.url = url;
  options.model = "claude-test";
  options.api_key = "sk-secret";
  options.key_name = "ANTHROPIC_API_KEY";
  options.first_byte_timeout = options.idle_timeout = 3 * kSecond;
  options.slow_timeout = 6 * kSecond;
  return options;
}

struct Result {
  std::vector<ModelEvent> events;
  std::vector<std::string> asked;  // the requests
  Nanos took = 0;
  [[nodiscard]] const ModelEvent& last() const { return events.back(); }
};

/// One question; `serve` is told how often it was asked before.
Result ask(const std::function<void(Connection&, int)>& serve,
           const std::function<void(AnthropicOptions&)>& change = {}) {
  Result result;
  std::mutex mutex;
  LoopbackServer server([&](Connection& connection) {
    int before = 0;
    {
      const std::lock_guard lock(mutex);
      before = static_cast<int>(result.asked.size());
      result.asked.push_back(connection.request);
    }
    serve(connection, before);
    return false;
  });
  AnthropicOptions options = options_of(server.url());
  if (change) change(options);
  ModelLoop loop([&](const auto& wake) { return std::make_unique<AnthropicModel>(options, wake); });
  const Nanos begin = monotonic_now();
  result.events = loop.run(question(), 10'000);
  result.took = monotonic_now() - begin;
  REQUIRE_FALSE(result.events.empty());
  const std::lock_guard lock(mutex);
  return result;
}

bool is_done(const Result& result) { return result.last().kind == ModelEvent::Kind::kDone; }

}  // namespace

TEST_CASE("a question goes to /v1/messages with its headers, and its answer comes back") {
  const Result result = ask([](Connection& c, int) { c.send(answer("Hi there.")); },
                            [](AnthropicOptions& options) { options.features.tool_clear_tokens = 30000; });
  CHECK(is_done(result));
  CHECK(text_of(result.events) == "Hi there.");
  REQUIRE(result.asked.size() == 1);
  const std::string& sent = result.asked[0];
  CHECK(sent.find("POST /v1/messages HTTP/1.1\r\n") == 0);
  for (const char* header :
       {"x-api-key: sk-secret\r\n", "anthropic-version: 2023-06-01\r\n", "content-type: application/json\r\n",
        "anthropic-beta: context-management-2025-06-27\r\n"})
    CHECK(sent.find(header) != std::string::npos);
}

TEST_CASE("a pause is answered with what there is, and the person hears one answer") {
  const Result result = ask([](Connection& c, int before) {
    if (before == 0) return c.send(kStreamHead + kStart + says("Let me look. ") + ends("pause_turn"));
    c.send(answer("It is sunny."));
  });
  CHECK(is_done(result));
  CHECK(text_of(result.events) == "Let me look. It is sunny.");
  REQUIRE(result.asked.size() == 2);
  CHECK(result.asked[1].find(R"({"role":"assistant","content":[{"type":"text","text":"Let me look. "}]}])") !=
        std::string::npos);
}

TEST_CASE("a pause without end is an error; the rest of a paused answer is tried again") {
  const Result endless =
      ask([](Connection& c, int) { c.send(kStreamHead + kStart + says("So ") + ends("pause_turn")); });
  CHECK_FALSE(is_done(endless));
  CHECK(endless.asked.size() == 1 + ServerModel::kMostPauses);
  const Result busy = ask([](Connection& c, int before) {
    if (before == 0) return c.send(kStreamHead + kStart + says("So ") + ends("pause_turn"));
    if (before == 1) return c.answer("529 Overloaded", "", error_body("overloaded_error"));
    c.send(answer("it is."));
  });
  CHECK(is_done(busy));
  CHECK(text_of(busy.events) == "So it is.");
}

TEST_CASE("a service that is overloaded, or whose stream is, is asked again before the first word") {
  for (const bool in_stream : {false, true}) {
    CAPTURE(in_stream);
    const Result result = ask([&](Connection& c, int before) {
      if (before == 2) return c.send(answer("Paris."));
      if (in_stream)
        return c.send(kStreamHead + kStart + event("error", R"("error":{"type":"overloaded_error"})"));
      c.answer("529 Overloaded", "", error_body("overloaded_error"));
    });
    CHECK(is_done(result));
    CHECK(text_of(result.events) == "Paris.");
    CHECK(result.asked.size() == 3);
  }
  const Result late = ask([](Connection& c, int) {
    c.send(kStreamHead + kStart + says("Par") + event("error", R"("error":{"type":"overloaded_error"})"));
  });
  CHECK(late.last().error == ErrorClass::kOverloaded);
  CHECK(late.asked.size() == 1);
  CHECK(text_of(late.events) == "Par");
}

TEST_CASE("what it asks to wait is waited for, when a person would") {
  const auto limited = [](const std::string& header, const std::string& body) {
    return ask([&](Connection& c, int before) {
      if (before > 0) return c.send(answer("Yes."));
      c.answer("429 Too Many Requests", header, body);
    });
  };
  const Result soon = limited("retry-after: 1\r\n", error_body("rate_limit_error"));
  CHECK(is_done(soon));
  CHECK(soon.took >= 900 * kMillisecond);
  const Result late = limited("retry-after: 30\r\n", error_body("rate_limit_error"));
  CHECK(late.last().error == ErrorClass::kOverloaded);
  CHECK(late.asked.size() == 1);
  const Result spent = limited("", R"({"type":"error","error":{"type":"rate_limit_error","details":)"
                                   R"({"error_code":"enforced_spend_limit_reached"}}})");
  CHECK(spent.last().error == ErrorClass::kQuota);
}

TEST_CASE("a refusal is one clear line, without the key, and not repeated") {
  const Result refused =
      ask([](Connection& c, int) { c.answer("401 Unauthorized", "", error_body("authentication_error")); });
  CHECK(refused.last().error == ErrorClass::kAuth);
  CHECK(refused.asked.size() == 1);
  const std::string& why = refused.last().text;
  CHECK(why.find("HTTP 401 (authentication_error): check the key in ANTHROPIC_API_KEY") != std::string::npos);
  CHECK(why.find("sk-secret") == std::string::npos);
  const Result missing =
      ask([](Connection& c, int) { c.answer("401 Unauthorized", "", error_body("authentication_error")); },
          [](AnthropicOptions& options) { options.api_key.clear(); });
  CHECK(missing.last().text.find("ANTHROPIC_API_KEY is not set") != std::string::npos);
  CHECK(missing.asked[0].find("x-api-key") == std::string::npos);
  const Result credit = ask([](Connection& c, int) {
    c.answer("400 Bad Request", "", error_body("invalid_request_error", "Your credit balance is too low"));
  });
  CHECK(credit.last().error == ErrorClass::kQuota);
  for (const char* status : {"400 Bad Request", "404 Not Found", "413 Payload Too Large"}) {
    const Result fatal =
        ask([&](Connection& c, int) { c.answer(status, "", error_body("not_found_error")); });
    CHECK(fatal.last().error == ErrorClass::kFatal);
    CHECK(fatal.asked.size() == 1);
  }
}

TEST_CASE("an end without an end, nothing, and what is no stream are errors and no hang") {
  const auto short_time = [](AnthropicOptions& options) { options.first_byte_timeout = 600 * kMillisecond; };
  for (const std::string& sent : {std::string(), kStart, std::string("data: {broken\n\n"),
                                  "event: x\ndata: " + std::string((1U << 20U) + 10, 'x') + "\n\n"}) {
    CAPTURE(sent.substr(0, 40));
    const Result result = ask([&](Connection& c, int) { c.send(kStreamHead + sent); }, short_time);
    CHECK_FALSE(is_done(result));
    CHECK(result.took < 4 * kSecond);
  }
  const Result object = ask([](Connection& c, int) {
    c.answer("200 OK", "Content-Type: application/json\r\n", error_body("invalid_request_error"));
  });
  CHECK_FALSE(is_done(object));
}

TEST_CASE("pings are no sign of work; thoughts are, for a while") {
  const auto limits = [](AnthropicOptions& options) {
    options.first_byte_timeout = options.idle_timeout = 300 * kMillisecond;
    options.slow_timeout = 5 * kSecond;
  };
  const Result pinged = ask(
      [](Connection& c, int) {
        c.send(kStreamHead + kStart + says("So"));
        for (int i = 0; i < 200 && !c.closed_within(50); ++i) c.send(event("ping"));
      },
      limits);
  CHECK(pinged.last().error == ErrorClass::kRetry);
  CHECK(pinged.took < 5 * kSecond);
  const Result thought = ask(
      [](Connection& c, int) {
        c.send(
            kStreamHead + kStart +
            event("content_block_start", R"("index":0,"content_block":{"type":"thinking","thinking":""})"));
        c.hold(900);
        c.send(event("content_block_stop", "\"index\":0") + says("So.") + ends("end_turn"));
      },
      limits);
  CHECK(is_done(thought));
  CHECK(text_of(thought.events) == "So.");
}

TEST_CASE("a cancel closes the transport at once") {
  std::atomic<bool> closed = false;
  LoopbackServer server([&](Connection& connection) {
    connection.send(kStreamHead + kStart + says("one"));
    closed = connection.closed_within(5000);
    return false;
  });
  ModelLoop loop(
      [&](const auto& wake) { return std::make_unique<AnthropicModel>(options_of(server.url()), wake); });
  const RequestId id = loop.model().start(question(), monotonic_now());
  std::vector<ModelEvent> events;
  const Nanos until = monotonic_now() + 5 * kSecond;
  while (text_of(events).empty() && monotonic_now() < until) {
    loop.wait(until);
    events = loop.model().poll(monotonic_now());
  }
  REQUIRE(text_of(events) == "one");
  loop.model().cancel(id);
  while (!closed && monotonic_now() < until) loop.wait(monotonic_now() + 5 * kMillisecond);
  CHECK(closed);
  CHECK(loop.model().poll(monotonic_now()).empty());
}
