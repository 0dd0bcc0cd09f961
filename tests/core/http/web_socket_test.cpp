// The WebSocket client: messages, order, time and back-pressure.
#include <doctest/doctest.h>

#include <algorithm>

#include "socket_owner.hpp"

namespace prot::http {

TEST_CASE("a socket opens with its headers, and messages go both ways in order") {
  std::string head;
  WebSocketServer server([&](WebSocketPeer& peer) {
    head = peer.head;
    peer.upgrade();
    for (int i = 0; i < 3; ++i) peer.send_text("echo " + peer.receive_text().value_or("none"));
    peer.send_close(1000, "bye");
    (void)peer.closed_within(5000);
  });
  Owner owner;
  const SocketId id = owner.client.open(to(server, "/v1/a?b=c&d=%20"));
  REQUIRE(owner.client.send(id, "0"));  // before it is open
  const SocketEvent opened = owner.next();
  CHECK(opened.kind == Kind::kOpen);
  CHECK(opened.id == id);
  REQUIRE(owner.client.send(id, "1"));
  REQUIRE(owner.client.send(id, "2"));
  for (const char* wanted : {"echo 0", "echo 1", "echo 2"}) {
    const SocketEvent event = owner.next();
    CHECK(event.kind == Kind::kText);
    CHECK(event.data == wanted);
  }
  const SocketEvent last = owner.next();
  CHECK(last.kind == Kind::kClosed);
  CHECK(last.close_code == 1000);
  CHECK(last.data == "bye");
  CHECK_FALSE(has(last.message, "b=c"));
  CHECK(head.starts_with("GET /v1/a?b=c&d=%20 HTTP/1.1\r\n"));
  CHECK(has(head, "xi-api-key: sk-secret-key\r\n"));
  CHECK_FALSE(owner.client.send(id, "late"));
  CHECK(owner.no_sockets_within(5000));
}

TEST_CASE("bytes that come split at random, fragments, pings and a megabyte are whole messages") {
  const std::string large(1U << 20U, 'x');
  std::atomic<bool> ponged = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.split = true;
    peer.upgrade();
    peer.send_frame(Opcode::kText, "거실", false);
    peer.send_frame(Opcode::kPing, "in between");
    peer.send_frame(Opcode::kContinuation, " 불", false);
    peer.send_frame(Opcode::kContinuation, "", true);
    peer.send_text("");
    peer.split = false;
    peer.send_text(large);
    peer.send_frame(Opcode::kBinary, std::string("\0\xff", 2));
    while (const std::optional<test::Frame> frame = peer.receive()) {
      if (frame->opcode != Opcode::kPong) continue;
      ponged = frame->payload == "in between";
      break;
    }
    peer.send_close(1011);
    (void)peer.closed_within(5000);
  });
  Owner owner;
  owner.client.open(to(server));
  CHECK(owner.next().kind == Kind::kOpen);
  CHECK(owner.next().data == "거실 불");
  CHECK(owner.next().data.empty());
  CHECK(owner.next().data == large);
  const SocketEvent binary = owner.next();
  CHECK(binary.kind == Kind::kBinary);
  CHECK(binary.data == std::string("\0\xff", 2));
  const SocketEvent last = owner.next();
  CHECK(last.kind == Kind::kClosed);
  CHECK(last.close_code == 1011);
  CHECK(ponged);
}

TEST_CASE("a peer that says nothing but answers pings is well") {
  std::atomic<int> pings = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.upgrade();
    while (pings < 4)
      if (const auto frame = peer.receive(); frame && frame->opcode == Opcode::kPing) {
        peer.send_frame(Opcode::kPong, frame->payload);
        ++pings;
      } else {
        return;
      }
    peer.send_text("still here");
    (void)peer.closed_within(5000);
  });
  Owner owner;
  SocketRequest request = to(server);
  request.idle_timeout_ms = 300;
  owner.client.open(request);
  CHECK(owner.next().kind == Kind::kOpen);
  CHECK(owner.next().data == "still here");
  CHECK(pings == 4);
}

TEST_CASE("close is at once: the peer sees it, no event comes any more, and nothing is left") {
  std::atomic<int> code = 0;
  std::atomic<Nanos> seen = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.upgrade();
    peer.send_text("one");
    while (const auto frame = peer.receive())
      if (frame->opcode == Opcode::kClose) {
        code = frame->close_code();
        seen = monotonic_now();
        return;
      }
  });
  Owner owner;
  const SocketId id = owner.client.open(to(server));
  CHECK(owner.next().kind == Kind::kOpen);
  CHECK(owner.next().data == "one");
  const Nanos before = monotonic_now();
  owner.client.close(id);
  CHECK(owner.no_sockets_within(5000));
  while (seen == 0 && monotonic_now() - before < 5 * kSecond) std::this_thread::yield();
  CHECK(code == 1000);
  CHECK(seen - before < kSecond);
  CHECK(owner.client.poll().empty());
  CHECK_FALSE(owner.client.send(id, "late"));
}

TEST_CASE("an owner that does not poll stops the peer, and is not taken for an idle connection") {
  constexpr std::size_t kMessages = 400;
  std::atomic<std::size_t> sent = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.upgrade();
    const std::string block(65'536, 'x');
    for (; sent < kMessages && !peer.gone(); ++sent) peer.send_text(block);
    (void)peer.closed_within(20'000);
  });
  Owner owner(256 * 1024);
  SocketRequest request = to(server);
  request.idle_timeout_ms = 200;
  owner.client.open(request);
  CHECK(owner.next().kind == Kind::kOpen);
  // The kernel's buffers fill up and the peer stands still.
  std::size_t before = 0;
  for (Nanos since = monotonic_now(); monotonic_now() - since < kSecond; std::this_thread::yield())
    if (const std::size_t now = sent; now != before) {
      before = now;
      since = monotonic_now();
    }
  CHECK(sent < kMessages);
  for (std::size_t i = 0; i < kMessages; ++i) {
    const SocketEvent event = owner.next();
    REQUIRE(event.kind == Kind::kText);
    REQUIRE(event.data.size() == 65'536);
  }
}

TEST_CASE("what the network does not take is bounded") {
  std::atomic<bool> go = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.upgrade();
    while (!go) peer.hold(1);
    while (peer.receive_text(300)) {
    }
  });
  Owner owner;
  SocketRequest request = to(server);
  request.max_unsent_bytes = 1U << 20U;
  request.idle_timeout_ms = 0;
  const SocketId id = owner.client.open(request);
  CHECK(owner.next().kind == Kind::kOpen);
  const std::string block(256 * 1024, 'x');
  std::size_t taken = 0;
  const Nanos until = monotonic_now() + 5 * kSecond;
  std::size_t most = 0;
  while (owner.client.send(id, block) && monotonic_now() < until) {
    ++taken;
    most = std::max(most, owner.client.unsent(id));
  }
  CHECK(taken >= 4);
  CHECK(monotonic_now() < until);  // it was refused; by now the network may have taken what waited
  CHECK(most > 0);
  CHECK(most <= request.max_unsent_bytes);
  go = true;
  while (owner.client.unsent(id) > 0 && monotonic_now() < until + 5 * kSecond) std::this_thread::yield();
  CHECK(owner.client.unsent(id) == 0);
  CHECK(owner.client.send(id, "more"));
}

}  // namespace prot::http
