#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <utility>

#include "client_owner.hpp"
#include "tests/support/web_socket_server.hpp"

using namespace prot;
using http::ErrorClass;
using http::Event;
using Kind = http::Event::Kind;

TEST_CASE("an error status carries class, message and the wait that the server asked for") {
  struct Row {
    const char* status;
    const char* headers;
    const char* body;
    ErrorClass error_class;
    Nanos retry_after;
  };
  const Row rows[] = {
      {"401 Unauthorized", "", R"({"error":"bad key sk-secret-key"})", ErrorClass::kAuth, 0},
      {"429 Too Many", "Retry-After: 1.5\r\n", "slow down, quota", ErrorClass::kRetry, 1500 * kMillisecond},
      {"429 Too Many", "retry-after-ms: 20\r\n", "", ErrorClass::kRetry, 20 * kMillisecond},
      {"429 Too Many", "", "insufficient_quota", ErrorClass::kQuota, 0},
      {"402 Pay", "", "", ErrorClass::kQuota, 0},
      {"503 Unavailable", "", R"({"error":{"message":"Loading model"}})", ErrorClass::kOverloaded, 0},
      {"529 Overloaded", "", "", ErrorClass::kOverloaded, 0},
      {"500 Oops", "", "", ErrorClass::kRetry, 0},
      {"400 Bad", "", "no such model", ErrorClass::kFatal, 0},
      {"404 Not Found", "", "", ErrorClass::kFatal, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.status);
    LoopbackServer server([&](Connection& connection) {
      connection.answer(row.status, row.headers, row.body);
      return true;
    });
    Owner owner;
    owner.client.start(request_to(server, "/v1?token=abcdef"));
    const std::vector<Event> events = owner.until_end();
    CHECK(events.size() == 1);
    const Event& error = events.back();
    CHECK(error.kind == Kind::kError);
    CHECK(error.status == std::stoi(row.status));
    CHECK(error.error_class == row.error_class);
    CHECK(error.retry_after == row.retry_after);
    CHECK(error.message.starts_with("POST http://127.0.0.1:"));
    CHECK_FALSE(has(error.message + error.data, "secret"));
    CHECK_FALSE(has(error.message + error.data, "abcdef"));
    CHECK(owner.no_handles_within(5000));
  }
}

TEST_CASE("an error is named, and never quoted: its body may repeat the prompt or the key") {
  CHECK(http::error_name(R"({"error":{"code":"model_not_found","message":"not for sale"}})") ==
        "model_not_found");
  CHECK(http::error_name(R"({"error":{"type":"overloaded_error","code":null}})") == "overloaded_error");
  CHECK(http::error_name(R"({"error":{"code":"sk-0123","type":"two words"}})").empty());
  CHECK(http::error_name("<html>").empty());
  CHECK(http::error_name(R"({"error":"a sentence of a person"})").empty());
  LoopbackServer server([](Connection& connection) {
    connection.answer("400 Bad", "", R"({"error":{"code":"bad_prompt","message":"you said: hello llama"}})");
    return true;
  });
  Owner owner;
  owner.client.start(request_to(server));
  const std::string message = owner.until_end().back().message;
  CHECK(message.ends_with("HTTP 400 (bad_prompt)"));
  CHECK_FALSE(has(message, "llama"));
}

TEST_CASE("a server that is not there, or that hangs up, is worth a retry") {
  Owner owner;
  std::string gone;
  {
    gone = LoopbackServer([](Connection&) { return false; }).url();
  }
  http::Request request;
  request.url = gone;
  owner.client.start(request);
  CHECK(owner.until_end().back().error_class == ErrorClass::kRetry);

  LoopbackServer cut([](Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    return false;
  });
  owner.client.start(request_to(cut));
  const std::vector<Event> events = owner.until_end();
  CHECK(body_of(events) == "half");
  CHECK(events.back().kind == Kind::kError);
  CHECK(events.back().error_class == ErrorClass::kRetry);

  request.unix_socket = "/nowhere/llm.sock";
  owner.client.start(request);
  const Event error = owner.until_end().back();
  CHECK(error.error_class == ErrorClass::kRetry);
  CHECK(has(error.message, "/nowhere/llm.sock"));
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("what can never work is fatal") {
  Owner owner;
  for (const char* url : {"file:///etc/passwd", "not a url at all", "ftp://127.0.0.1/"}) {
    CAPTURE(url);
    http::Request request;
    request.url = url;
    owner.client.start(request);
    CHECK(owner.until_end().back().error_class == ErrorClass::kFatal);
  }
  http::Request split;
  split.url = "http://127.0.0.1:1/";
  split.headers = {{"x-api-key", "secret\r\nEvil: 1"}};
  owner.client.start(split);
  const Event error = owner.until_end().back();
  CHECK(error.error_class == ErrorClass::kFatal);
  CHECK_FALSE(has(error.message, "secret"));
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("a server that says nothing, or stops saying, is given up in time") {
  LoopbackServer silent([](Connection& connection) {
    (void)connection.closed_within(10'000);
    return false;
  });
  Owner owner;
  http::Request request = request_to(silent);
  request.first_byte_timeout_ms = 50;
  owner.client.start(request);
  Event error = owner.until_end().back();
  CHECK(error.error_class == ErrorClass::kRetry);
  CHECK(has(error.message, "no answer within 50 ms"));

  LoopbackServer stalls([](Connection& connection) {
    connection.send(kChunkedHead);
    connection.send("5\r\nfirst\r\n");
    (void)connection.closed_within(10'000);
    return false;
  });
  request = request_to(stalls);
  request.idle_timeout_ms = 50;
  owner.client.start(request);
  error = owner.until_end().back();
  CHECK(has(error.message, "nothing more within 50 ms"));

  LoopbackServer dribbles([](Connection& connection) {
    connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 2000 && !connection.closed_within(5); ++i) connection.send(" ");
    return false;
  });
  request = request_to(dribbles);
  request.first_byte_timeout_ms = 100;
  request.idle_timeout_ms = 1000;
  owner.client.start(request);
  error = owner.until_end().back();
  CHECK(error.status == 503);
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("a certificate is verified, and its name, before anything is said") {
  std::atomic<int> heard = 0;
  test::WebSocketServer server(
      [&](test::WebSocketPeer& peer) {
        ++heard;
        peer.answer("200 OK", "Connection: close\r\n", "hello");
      },
      true);
  const auto ask = [&](const std::string& url, const std::string& trusted) {
    Owner owner;
    http::Request request;
    request.url = url;
    request.headers = {{"x-api-key", "sk-secret"}};
    request.ca_file = trusted;
    owner.client.start(request);
    std::vector<Event> events = owner.until_end();
    return events.back();
  };
  const std::string url = "https" + server.url("/v1").substr(3);  // from wss
  std::string by_number = url;
  by_number.replace(by_number.find("localhost"), 9, "127.0.0.1");  // the certificate does not have that name
  for (const auto& one : {std::pair(url, std::string()), std::pair(by_number, server.certificate())}) {
    CAPTURE(one.first);
    const Event refused = ask(one.first, one.second);
    CHECK(refused.kind == Kind::kError);
    CHECK(refused.error_class == ErrorClass::kFatal);
    CHECK(has(refused.message, "certificate"));
  }
  CHECK(heard == 0);
  CHECK(ask(url, server.certificate()).kind == Kind::kDone);
  CHECK(heard == 1);
}
