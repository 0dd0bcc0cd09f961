// Event streams and WebSockets of the HTTP server.
#include <doctest/doctest.h>

#include "server_owner.hpp"
#include "socket_owner.hpp"

namespace prot::http {
namespace {

using Served = ServerEvent::Kind;

SocketRequest socket_of(const ServedLoop& served) {
  SocketRequest request;
  request.url = "ws://" + served.host() + "/socket?x=1";
  return request;
}

}  // namespace

TEST_CASE("an event stream gives what is sent until the client leaves, which is told once") {
  ServedLoop served;
  ConnectionId id = 0;
  {
    RawClient client(served.port());
    client.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string head = client.read_until("data: first\n\n");
    CHECK(holds(head, "Content-Type: text/event-stream\r\n"));
    CHECK(holds(head, "X-Content-Type-Options: nosniff\r\n"));
    id = served.wait_for(Served::kRequest).id;
    served.send(id, "data: second\n\n");
    served.send(id, "data: third\n\n");
    CHECK(client.read_until("third\n\n") == "data: second\n\ndata: third\n\n");
  }
  CHECK(served.wait_for(Served::kGone).id == id);
  served.send(id, "data: late\n\n");
  CHECK(served.connections_become(0));
  CHECK(served.count(Served::kGone) == 1);
}

TEST_CASE("a client that does not read is cut off when too much waits for it") {
  ServerLimits limits;
  limits.unread_bytes = 1U << 20U;
  ServedLoop served(limits);
  RawClient client(served.port());
  client.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const ConnectionId id = served.wait_for(Served::kRequest).id;
  for (int i = 0; i < 32; ++i) served.send(id, std::string(1U << 20U, 'x'));  // more than sockets buffer
  CHECK(served.wait_for(Served::kGone).id == id);
  CHECK(served.connections_become(0));
  CHECK(served.refused() == 1);
}

TEST_CASE("a client that takes a little and then nothing is cut off by time") {
  ServerLimits limits;
  limits.unread_bytes = 64U << 20U;
  limits.write_timeout_ms = 200;
  ServedLoop served(limits);
  RawClient client(served.port());
  client.write("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const ConnectionId id = served.wait_for(Served::kRequest).id;
  served.send(id, std::string(32U << 20U, 'x'));
  CHECK(served.wait_for(Served::kGone).id == id);
  CHECK(served.refused() == 1);
}

TEST_CASE("what an owner begins too late is gone at once, and told once") {
  ServerLimits limits;
  limits.answer_timeout_ms = 50;
  ServedLoop served(limits);
  {
    RawClient client(served.port());
    client.write("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const std::string head = client.read_until("no answer in time");
    CHECK(head.starts_with("HTTP/1.1 503 "));
    const ConnectionId id = served.wait_for(Served::kRequest).id;
    served.start_events(id);  // the client is still there
    CHECK(served.wait_for(Served::kGone).id == id);
  }
  CHECK(served.connections_become(0));
  CHECK(get(served, "/never").starts_with("HTTP/1.1 503 "));
  CHECK(served.connections_become(0));
  const ConnectionId id = served.wait_for(Served::kRequest, 1).id;
  served.accept_socket(id);
  CHECK(served.wait_for(Served::kGone, 1).id == id);
  CHECK(served.count(Served::kGone) == 2);
}

TEST_CASE("a WebSocket has its messages answered in order, and is closed with the owner's code") {
  ServedLoop served;
  Owner owner;
  const SocketId id = owner.client.open(socket_of(served));
  CHECK(owner.next().kind == Kind::kOpen);
  CHECK(served.wait_for(Served::kRequest).upgrade);
  const std::string large(60'000, 'y');
  for (const std::string& text : {std::string("하나"), std::string("two"), large})
    REQUIRE(owner.client.send(id, text));
  for (const std::string& text : {std::string("하나"), std::string("two"), large}) {
    const SocketEvent event = owner.next();
    CHECK(event.kind == Kind::kText);
    CHECK(event.data == "echo " + text);
  }
  REQUIRE(owner.client.send(id, "bye"));
  CHECK(owner.next().data == "echo bye");  // what was sent before the end arrives
  const SocketEvent last = owner.next();
  CHECK(last.kind == Kind::kClosed);
  CHECK(last.close_code == 4000);
  static_cast<void>(served.wait_for(Served::kGone));
  CHECK(served.connections_become(0));
  CHECK(served.count(Served::kGone) == 1);
}

TEST_CASE("a message that is too long, or is not text, ends its WebSocket alone") {
  ServerLimits limits;
  limits.message_bytes = 1000;
  ServedLoop served(limits);
  Owner owner;
  const SocketId other = owner.client.open(socket_of(served));
  CHECK(owner.next().kind == Kind::kOpen);
  const SocketId id = owner.client.open(socket_of(served));
  CHECK(owner.next().kind == Kind::kOpen);
  REQUIRE(owner.client.send(id, std::string(1001, 'z')));
  const SocketEvent last = owner.next();
  CHECK(last.id == id);
  CHECK(last.close_code == 1009);
  static_cast<void>(served.wait_for(Served::kGone));
  REQUIRE(owner.client.send(other, "still"));
  CHECK(owner.next().data == "echo still");
  CHECK(served.count(Served::kMessage) == 1);
}

TEST_CASE("a WebSocket whose client vanishes is told as gone") {
  ServedLoop served;
  {
    Owner owner;
    static_cast<void>(owner.client.open(socket_of(served)));
    CHECK(owner.next().kind == Kind::kOpen);
  }
  static_cast<void>(served.wait_for(Served::kGone));
  CHECK(served.connections_become(0));
}

TEST_CASE("a WebSocket that answers no ping is given up") {
  ServerLimits limits;
  limits.ping_ms = 100;
  ServedLoop served(limits);
  RawClient client(served.port());
  client.write(
      "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  CHECK(holds(client.read_until("\r\n\r\n"), "HTTP/1.1 101 "));
  static_cast<void>(served.wait_for(Served::kGone));
  static_cast<void>(client.read_all());
  CHECK(client.closed());
}

}  // namespace prot::http
