#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "client_owner.hpp"

using namespace prot;
using http::Event;
using Kind = http::Event::Kind;

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
  while (server.connections() == 0) std::this_thread::yield();
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
