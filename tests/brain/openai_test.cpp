#include "brain/engines/openai.hpp"

#include <doctest/doctest.h>

#include "model_loop.hpp"
#include "support/temp_folder.hpp"

using namespace prot;
using namespace prot::brain;
using namespace prot::test;

TEST_CASE("a stream is read wherever it is split, with all that servers really send") {
  const std::string body =
      chunk(R"({"role":"assistant","content":null})") + ": keep-alive\n\n" + chunk(R"({"content":"Grüß "})") +
      chunk(R"({"reasoning_content":"hm","content":""})") + chunk(R"({"content":"Gott 👋"})") +
      chunk("{}", "\"stop\"") +
      R"(data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":9}},)"
      R"("timings":{"cache_n":9,"prompt_n":3,"prompt_ms":75.5,"predicted_n":3}})" +
      "\n\ndata: [DONE]";  // without the blank line
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    std::string seen;
    LoopbackServer server([&](Connection& connection) {
      seen = connection.request;
      connection.send(kStreamHead);
      connection.send_slowly(body, piece);
      return false;
    });
    ModelLoop engine(at(server.url()));
    const auto events = engine.run(question());
    CAPTURE(piece);
    REQUIRE_FALSE(events.empty());
    CHECK(text_of(events) == "Grüß Gott 👋");
    CHECK(events.back().kind == ModelEvent::Kind::kDone);
    CHECK(events.back().stop == StopReason::kEnd);
    CHECK(events.front().request_ns > 0);
    CHECK(events.front().at >= events.front().request_ns);
    CHECK(seen.find("POST /v1/chat/completions") == 0);
    CHECK(seen.find("\"include_usage\":true") != std::string::npos);
    CHECK(seen.find("id_slot") == std::string::npos);
    bool usage = false;
    for (const ModelEvent& event : events)
      if (event.kind == ModelEvent::Kind::kUsage)
        usage = event.usage.prompt_tokens == 12 && event.usage.cached_tokens == 9 &&
                event.usage.read_tokens == 3 && event.usage.read_ns == 75'500'000;
    CHECK(usage);
  }
}

TEST_CASE("errors are told apart, wherever the server puts them") {
  struct Sample {
    const char* answer;
    http::ErrorClass expected;
  };
  const Sample samples[] = {
      {"data: {\"error\":{\"code\":401,\"message\":\"bad key\"}}\n\n", http::ErrorClass::kAuth},
      {"data: {\"error\":{\"type\":\"insufficient_quota\",\"message\":\"pay\"}}\n\n",
       http::ErrorClass::kQuota},
      {"error: {\"code\":503,\"message\":\"busy\",\"type\":\"unavailable_error\"}\n\ndata: [DONE]\n\n",
       http::ErrorClass::kOverloaded},
      {"data: {\"error\":\"out of memory\"}\n\n", http::ErrorClass::kFatal},
      {"data: {broken\n\n", http::ErrorClass::kFatal},
      {"data: {\"choices\":[{\"delta\":{\"content\":\"half\"},\"finish_reason\":null}]}\n\n",
       http::ErrorClass::kRetry},  // the stream just ends
  };
  for (const Sample& sample : samples) {
    LoopbackServer server([&](Connection& connection) {
      connection.send(std::string(kStreamHead) + sample.answer);
      return false;
    });
    ModelLoop engine(at(server.url()));
    const auto events = engine.run(question());
    CAPTURE(sample.answer);
    REQUIRE_FALSE(events.empty());
    CHECK(events.back().kind == ModelEvent::Kind::kError);
    CHECK(events.back().error == sample.expected);
    CHECK_FALSE(events.back().text.empty());
  }
}

TEST_CASE("a server that is still loading is asked again; one that refuses is not") {
  std::atomic<int> asked = 0;
  LoopbackServer server([&](Connection& connection) {
    if (++asked < 3) {
      connection.answer("503 Service Unavailable", "", R"({"error":{"code":503,"message":"Loading model"}})");
    } else {
      connection.send(std::string(kStreamHead) + chunk(R"({"content":"ready"})", "\"stop\""));
    }
    return false;
  });
  ModelLoop engine(at(server.url("/v1/")));
  CHECK(text_of(engine.run(question())) == "ready");
  CHECK(asked == 3);

  std::atomic<int> refused = 0;
  LoopbackServer strict([&](Connection& connection) {
    ++refused;
    connection.answer("401 Unauthorized", "", R"({"error":{"message":"no key"}})");
    return false;
  });
  ModelLoop other(at(strict.url()));
  const auto events = other.run(question());
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().error == http::ErrorClass::kAuth);
  CHECK(refused == 1);
}

TEST_CASE("a socket that nobody listens on yet is tried until the time is over") {
  test::TempFolder folder;
  OpenAiOptions options = at("http://llm");
  options.local = true;
  options.unix_socket = (folder.path() / "llm.sock").string();
  options.first_byte_timeout = 600 * kMillisecond;
  const Nanos before = monotonic_now();
  ModelLoop engine(options);
  const auto events = engine.run(question());
  REQUIRE_FALSE(events.empty());
  CHECK(events.back().kind == ModelEvent::Kind::kError);
  CHECK(monotonic_now() - before < 3 * kSecond);

  options.first_byte_timeout = 5 * kSecond;
  ModelLoop patient(options);
  const RequestId id = patient.model().start(question(), monotonic_now());
  (void)id;
  std::string seen;
  LoopbackServer server(
      [&](Connection& connection) {
        seen = connection.request;
        connection.send(std::string(kStreamHead) + chunk(R"({"content":"up"})", "\"stop\""));
        return false;
      },
      options.unix_socket);
  CHECK(text_of(patient.run(question())).find("up") != std::string::npos);
  CHECK(seen.find("\"id_slot\":0") != std::string::npos);
}

TEST_CASE("a cancel closes the transport and nothing comes after it") {
  std::atomic<bool> closed = false;
  std::atomic<bool> sent = false;
  LoopbackServer server([&](Connection& connection) {
    connection.send(std::string(kStreamHead) + chunk(R"({"content":"one"})"));
    sent = true;
    closed = connection.closed_within(5000);
    return false;
  });
  ModelLoop engine(at(server.url()));
  const RequestId id = engine.model().start(question(), monotonic_now());
  std::vector<ModelEvent> events;
  const Nanos until = monotonic_now() + 5 * kSecond;
  while (events.empty() && monotonic_now() < until) {
    engine.wait(until);
    events = engine.model().poll(monotonic_now());
  }
  REQUIRE(text_of(events) == "one");
  engine.model().cancel(id);
  engine.model().cancel(id);
  while (!closed && monotonic_now() < until) engine.wait(monotonic_now() + 5 * kMillisecond);
  CHECK(closed);
  CHECK(engine.model().poll(monotonic_now()).empty());
}

TEST_CASE("tool calls are put together, in pieces or whole, also with index 0 for each") {
  const std::string pieces =
      chunk(
          R"({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"light","arguments":""}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"on\":"}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"true}"}}]})") +
      chunk(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"heat","arguments":"{}"}}]})") +
      chunk("{}", "\"stop\"");
  LoopbackServer server([&](Connection& connection) {
    connection.send(std::string(kStreamHead) + pieces);
    return false;
  });
  ModelLoop engine(at(server.url()));
  Request request = question();
  request.tools = {{"light", "switches", R"({"type":"object"})"}};
  std::vector<ToolCall> calls;
  StopReason stop = StopReason::kEnd;
  for (const ModelEvent& event : engine.run(request)) {
    if (event.kind == ModelEvent::Kind::kToolCall) calls.push_back(event.call);
    if (event.kind == ModelEvent::Kind::kDone) stop = event.stop;
  }
  REQUIRE(calls.size() == 2);
  CHECK(calls[0].name == "light");
  CHECK(calls[0].arguments == "{\"on\":true}");
  CHECK(calls[1].id == "b");
  CHECK(stop == StopReason::kTools);
}

TEST_CASE("a character in two pieces is whole, and a call that was cut is no call to make") {
  const std::string body = chunk(R"({"content":"Hi \ud83d"})") + chunk(R"({"content":"\ude00 "})") +
                           chunk("{\"content\":\"\xED\x95\"}") + chunk("{\"content\":\"\x9C\"}") +
                           chunk(R"({"tool_calls":[{"index":0,"id":"call_1","function":{"name":"lamp"}}]})") +
                           chunk("{}", "\"length\"") + "data: [DONE]\n\n";
  LoopbackServer server([&](Connection& connection) {
    connection.send(kStreamHead + body);
    return false;
  });
  ModelLoop engine(at(server.url()));
  const auto events = engine.run(question());
  CHECK(text_of(events) == "Hi \xF0\x9F\x98\x80 한");
  REQUIRE(events.size() > 2);
  CHECK(events[events.size() - 2].kind == ModelEvent::Kind::kToolCall);
  CHECK(events.back().stop == StopReason::kLength);
}
