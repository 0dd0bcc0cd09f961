#include "http/client.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "http/fetch.hpp"
#include "loopback_server.hpp"

using namespace prot;
using http::ErrorClass;
using http::Event;
using Kind = http::Event::Kind;

namespace {

constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n";

/// An owner's loop: waits for the wake-up, then polls.
class Owner {
 public:
  explicit Owner(std::size_t max_queued_bytes = 1U << 20U)
      : client(
            [this] {
              const std::lock_guard lock(mutex_);
              ++wakes_;
              changed_.notify_all();
            },
            max_queued_bytes) {}

  /// Events until one ends a request, or until the watchdog bites.
  std::vector<Event> until_end(int seconds = 20) {
    std::vector<Event> all;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < deadline) {
      for (Event& event : client.poll()) {
        all.push_back(std::move(event));
        if (all.back().kind == Kind::kDone || all.back().kind == Kind::kError) return all;
      }
      wait(50);
    }
    FAIL("no end");
    return all;
  }

  void wait(int milliseconds) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return wakes_ > 0; });
    wakes_ = 0;
  }

  bool no_handles_within(int milliseconds) {
    for (int waited = 0; waited < milliseconds; ++waited) {
      if (client.live_handles() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return client.live_handles() == 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int wakes_ = 0;

 public:
  http::Client client;
};

http::Request request_to(const LoopbackServer& server, std::string_view path = "/v1") {
  http::Request request;
  request.url = server.url(path);
  request.body = R"({"a":1})";
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer sk-secret-key"}};
  return request;
}

std::string body_of(const std::vector<Event>& events) {
  std::string body;
  for (const Event& event : events) {
    if (event.kind == Kind::kData) body += event.data;
  }
  return body;
}

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("a request comes back as status, data, done") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.answer("200 OK", "X-Request-Id: r1\r\n", "hello");
    return true;
  });
  Owner owner;
  const http::RequestId id = owner.client.start(request_to(server));
  const std::vector<Event> events = owner.until_end();
  CHECK(events.front().kind == Kind::kStatus);
  CHECK(events.front().status == 200);
  CHECK(events.front().id == id);
  CHECK(std::count(events.front().headers.begin(), events.front().headers.end(),
                   std::pair<std::string, std::string>("x-request-id", "r1")) == 1);
  CHECK(body_of(events) == "hello");
  CHECK(events.back().kind == Kind::kDone);
  CHECK(seen.starts_with("POST /v1 HTTP/1.1\r\n"));
  CHECK(has(seen, "Authorization: Bearer sk-secret-key\r\n"));
  CHECK_FALSE(has(seen, "Expect"));
  CHECK(seen.ends_with("\r\n\r\n{\"a\":1}"));
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("a connection is used again for the next request") {
  LoopbackServer server([](Connection& connection) {
    connection.answer("200 OK", "", "x");
    return true;
  });
  Owner owner;
  for (int i = 0; i < 3; ++i) {
    owner.client.start(request_to(server));
    CHECK(owner.until_end().back().kind == Kind::kDone);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("a stream split into single bytes arrives whole, over TCP and over a Unix socket") {
  const std::string path = "/tmp/prot-http-test-" + std::to_string(getpid()) + ".sock";
  for (const std::string& socket : {std::string(), path}) {
    LoopbackServer server(
        [](Connection& connection) {
          connection.send(kChunkedHead);
          connection.send_slowly("b\r\ndata: \xEC\x95\x88!\n\r\n0\r\n\r\n", 1);
          return true;
        },
        socket);
    Owner owner;
    http::Request request = request_to(server);
    request.unix_socket = socket;
    owner.client.start(request);
    const std::vector<Event> events = owner.until_end();
    CHECK(events.back().kind == Kind::kDone);
    CHECK(body_of(events) == "data: 안!\n");
  }
}

TEST_CASE("a cancelled request closes its connection at once and says nothing more") {
  std::atomic<bool> closed = false;
  LoopbackServer server([&](Connection& connection) {
    connection.send(kChunkedHead);
    connection.send("5\r\nfirst\r\n");
    closed = connection.closed_within(10'000);
    return false;
  });
  Owner owner;
  const http::RequestId id = owner.client.start(request_to(server));
  while (true) {
    const std::vector<Event> events = owner.client.poll();
    if (body_of(events) == "first") break;
    owner.wait(1000);
  }
  owner.client.cancel(id);
  CHECK(owner.no_handles_within(5000));
  for (int i = 0; i < 5000 && !closed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(closed);
  CHECK(owner.client.poll().empty());
  owner.client.cancel(id);  // again, and unknown: ignored
  owner.client.cancel(12345);
}

TEST_CASE("events that wait in the queue are gone after a cancel") {
  LoopbackServer server([](Connection& connection) {
    connection.answer("200 OK", "", "done long ago");
    return true;
  });
  Owner owner;
  const http::RequestId id = owner.client.start(request_to(server));
  while (owner.client.live_handles() == 0) std::this_thread::yield();
  CHECK(owner.no_handles_within(5000));
  owner.client.cancel(id);
  CHECK(owner.client.poll().empty());
}

TEST_CASE("a request that is cancelled before it connects leaves nothing") {
  LoopbackServer server([](Connection&) { return false; });
  Owner owner;
  for (int i = 0; i < 50; ++i) owner.client.cancel(owner.client.start(request_to(server)));
  CHECK(owner.no_handles_within(5000));
  CHECK(owner.client.poll().empty());
}

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
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("an owner that does not poll holds the transfer back, and loses nothing") {
  constexpr std::size_t kSize = 32U << 20U;
  std::atomic<std::size_t> sent = 0;
  LoopbackServer server([&](Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kSize) + "\r\n\r\n");
    const std::string block(64U << 10U, 'x');
    for (sent = 0; sent < kSize; sent += block.size()) connection.send(block);
    return false;
  });
  Owner owner(100'000);
  http::Request request = request_to(server);
  request.idle_timeout_ms = 100;  // a pause of our own making is not the server's fault
  owner.client.start(request);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(sent < kSize);
  CHECK(body_of(owner.until_end()).size() == kSize);
}

TEST_CASE("the destructor ends what is under way") {
  std::atomic<int> closed = 0;
  LoopbackServer server([&](Connection& connection) {
    connection.send(kChunkedHead);
    if (connection.closed_within(10'000)) ++closed;
    return false;
  });
  {
    Owner owner;
    for (int i = 0; i < 5; ++i) owner.client.start(request_to(server));
    while (server.connections() < 5) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  for (int i = 0; i < 5000 && closed < 5; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(closed == 5);
}

TEST_CASE("many requests at once, half of them cancelled, leave no handle") {
  LoopbackServer server([](Connection& connection) {
    connection.hold(static_cast<int>(connection.request.size() % 7));
    connection.answer("200 OK", "", "x");
    return true;
  });
  Owner owner;
  std::vector<http::RequestId> cancelled;
  int open = 0;
  for (int i = 0; i < 200; ++i) {
    http::Request request = request_to(server);
    request.body = std::string(static_cast<std::size_t>(i % 11), 'b');
    const http::RequestId id = owner.client.start(request);
    if (i % 2 == 0) {
      owner.client.cancel(id);
      cancelled.push_back(id);
    } else {
      ++open;
    }
  }
  for (int i = 0; i < 1000 && open > 0; ++i) {
    for (const Event& event : owner.client.poll()) {
      CHECK(std::count(cancelled.begin(), cancelled.end(), event.id) == 0);
      if (event.kind == Kind::kDone) --open;
    }
    owner.wait(20);
  }
  CHECK(open == 0);
  CHECK(owner.no_handles_within(5000));
}

TEST_CASE("fetch returns the whole answer") {
  LoopbackServer server([](Connection& connection) {
    connection.answer("200 OK", "", "body");
    return true;
  });
  const http::Response response = http::fetch(request_to(server));
  CHECK(response.status == 200);
  CHECK(response.body == "body");
  CHECK_THROWS_AS((void)http::fetch(request_to(server), {}, 3), http::RequestError);
}

TEST_CASE("fetch throws the class of the failure, and stops when asked to") {
  LoopbackServer bad([](Connection& connection) {
    connection.answer("401 No", "", "no");
    return true;
  });
  try {
    (void)http::fetch(request_to(bad));
    FAIL("no error");
  } catch (const http::RequestError& error) {
    CHECK(error.error_class() == ErrorClass::kAuth);
    CHECK(error.status() == 401);
  }

  std::atomic<bool> closed = false;
  LoopbackServer slow([&](Connection& connection) {
    closed = connection.closed_within(10'000);
    return false;
  });
  std::stop_source stop;
  std::thread stopper([&] {
    while (slow.connections() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop.request_stop();
  });
  CHECK_THROWS_AS((void)http::fetch(request_to(slow), stop.get_token()), http::RequestError);
  stopper.join();
  for (int i = 0; i < 5000 && !closed; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(closed);
}

TEST_CASE("retry-after is seconds, decimals, or a date") {
  CHECK(http::parse_retry_after("2") == 2 * kSecond);
  CHECK(http::parse_retry_after("0.5") == kSecond / 2);
  CHECK(http::parse_retry_after("") == 0);
  CHECK(http::parse_retry_after("-3") == 0);
  CHECK(http::parse_retry_after("soon") == 0);
  CHECK(http::parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0);
  CHECK(http::parse_retry_after("Wed, 21 Oct 2065 07:28:00 GMT") > 3600 * kSecond);
}
