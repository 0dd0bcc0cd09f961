// The WebSocket client against a server that misbehaves as services do.
#include <doctest/doctest.h>

#include <cstdlib>

#include "socket_owner.hpp"

namespace prot::http {

TEST_CASE("a handshake that is refused has its status and class") {
  struct Sample {
    const char* status;
    const char* headers;
    const char* body;
    ErrorClass expected;
  };
  const Sample samples[] = {
      {"401 Unauthorized", "", R"({"detail":{"status":"invalid_api_key"}})", ErrorClass::kAuth},
      {"403 Forbidden", "", "", ErrorClass::kAuth},
      {"402 Payment Required", "", "", ErrorClass::kQuota},
      {"429 Too Many Requests", "Retry-After: 2\r\n", "{}", ErrorClass::kRetry},
      {"500 Internal Server Error", "", "", ErrorClass::kRetry},
      {"503 Service Unavailable", "", "", ErrorClass::kOverloaded},
      {"404 Not Found", "", "", ErrorClass::kFatal},
      {"301 Moved Permanently", "Location: /x\r\n", "", ErrorClass::kFatal},
      {"200 OK", "", "<html>", ErrorClass::kFatal}};
  for (const Sample& sample : samples) {
    WebSocketServer server([&](WebSocketPeer& peer) {
      peer.split = true;
      peer.answer(sample.status, sample.headers, sample.body);
      (void)peer.closed_within(5000);
    });
    Owner owner;
    owner.client.open(to(server, "/v1?token=secret"));
    const SocketEvent event = owner.next();
    CAPTURE(sample.status);
    CAPTURE(event.message);
    CHECK(event.kind == Kind::kError);
    CHECK(event.error_class == sample.expected);
    CHECK(event.status == std::atoi(sample.status));
    CHECK((event.retry_after == 2 * kSecond) == (sample.headers[0] == 'R'));
    CHECK_FALSE(has(event.message, "secret"));
    CHECK(owner.no_sockets_within(5000));
  }
}

TEST_CASE("what breaks or hangs is an error in time") {
  enum class Fault { kNoUpgrade, kGarbage, kReset, kEnd, kHalfOpen, kBadFrame, kTooLong, kBadText };
  for (const Fault fault : {Fault::kNoUpgrade, Fault::kGarbage, Fault::kReset, Fault::kEnd, Fault::kHalfOpen,
                            Fault::kBadFrame, Fault::kTooLong, Fault::kBadText}) {
    CAPTURE(static_cast<int>(fault));
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (fault == Fault::kNoUpgrade) return peer.hold(5000);
      if (fault == Fault::kGarbage) return peer.send_raw("what?\r\n\r\n");
      peer.upgrade();
      peer.send_text("one");
      if (fault == Fault::kReset) return peer.reset();
      if (fault == Fault::kEnd) return;
      if (fault == Fault::kHalfOpen) return peer.hold(5000);  // reads nothing, answers no ping
      if (fault == Fault::kBadFrame) peer.send_raw("\xf3\x05hello");
      if (fault == Fault::kTooLong) peer.send_text(std::string(70'000, 'x'));
      if (fault == Fault::kBadText) peer.send_text("\xff\xfe");
      (void)peer.closed_within(5000);
    });
    Owner owner;
    SocketRequest request = to(server);
    request.handshake_timeout_ms = 300;
    request.idle_timeout_ms = 400;
    request.max_message_bytes = 65'536;
    const Nanos before = monotonic_now();
    owner.client.open(request);
    SocketEvent event = owner.next();
    if (fault != Fault::kNoUpgrade && fault != Fault::kGarbage) {
      CHECK(event.kind == Kind::kOpen);
      event = owner.next();
      if (fault == Fault::kReset && event.kind == Kind::kError) continue;  // it has overtaken the message
      CHECK(event.data == "one");
      event = owner.next();
      CHECK(event.close_code == kNoCloseFrame);
    }
    CHECK(event.kind == Kind::kError);
    CHECK(event.status == 0);
    CHECK(event.error_class == (fault == Fault::kTooLong ? ErrorClass::kFatal : ErrorClass::kRetry));
    CHECK(monotonic_now() - before < 4 * kSecond);
    CHECK(owner.no_sockets_within(5000));
  }
}

TEST_CASE("a certificate is verified, and its name") {
  const auto handler = [](WebSocketPeer& peer) {
    peer.upgrade();
    peer.send_text("hello");
    (void)peer.closed_within(5000);
  };
  WebSocketServer server(handler, true);
  {
    Owner owner;
    owner.client.open(to(server));
    const SocketEvent event = owner.next();
    CHECK(event.kind == Kind::kError);
    CHECK(event.error_class == ErrorClass::kFatal);
    CHECK(has(event.message, "TLS"));
  }
  ::setenv("SSL_CERT_FILE", server.certificate().c_str(), 1);
  {
    Owner owner;
    owner.client.open(to(server));
    CHECK(owner.next().kind == Kind::kOpen);
    CHECK(owner.next().data == "hello");
    SocketRequest other = to(server);
    other.url.replace(other.url.find("localhost"), 9,
                      "127.0.0.1");  // the certificate does not have that name
    owner.client.open(other);
    const SocketEvent event = owner.next();
    CHECK(event.kind == Kind::kError);
    CHECK(has(event.message, "TLS"));
  }
  ::unsetenv("SSL_CERT_FILE");
}

TEST_CASE("nothing goes unencrypted to another machine, unless that is allowed") {
  Owner owner;
  SocketRequest request;
  request.url = "ws://192.0.2.1:9/x?token=secret";
  request.connect_timeout_ms = 100;
  owner.client.open(request);
  const SocketEvent refused = owner.next();
  CHECK(refused.kind == Kind::kError);
  CHECK(has(refused.message, "not encrypted"));
  CHECK_FALSE(has(refused.message, "secret"));
  request.plain_allowed = true;
  owner.client.open(request);
  const SocketEvent tried = owner.next();
  CHECK(tried.kind == Kind::kError);
  CHECK_FALSE(has(tried.message, "not encrypted"));
  for (const char* url : {"", "ftp://127.0.0.1", "ws://", "ws://127.0.0.1:port/"}) {
    request.url = url;
    owner.client.open(request);
    CHECK(owner.next().kind == Kind::kError);
  }
  CHECK(owner.no_sockets_within(5000));
}

TEST_CASE("300 sockets that end in every way leave no descriptor") {
  std::atomic<unsigned> number = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const unsigned way = number++ % 5;
    if (way == 0) return peer.answer("429 Too Many Requests", "", "{}");
    if (way == 1) return peer.reset();
    peer.upgrade();
    peer.split = way == 2;
    peer.send_text("something to read");
    if (way == 3) return peer.reset();
    if (way == 4) peer.send_close(1000);
  });
  Owner owner;
  std::size_t before = 0;
  for (int round = 0; round < 300; ++round) {
    if (round == 20) {
      REQUIRE(owner.no_sockets_within(5000));
      before = descriptors();
    }
    const SocketId id = owner.client.open(to(server));
    if (round % 7 == 0) {
      owner.client.close(id);
      continue;
    }
    SocketEvent event = owner.next();
    while (event.kind != Kind::kError && event.kind != Kind::kClosed) event = owner.next();
  }
  REQUIRE(owner.no_sockets_within(5000));
  // The server's own ends are in this process too.
  const Nanos until = monotonic_now() + 5 * kSecond;
  while (descriptors() > before && monotonic_now() < until) std::this_thread::yield();
  CHECK(descriptors() <= before);
}

// F9 of the original's audit: its receiver went on when the disconnect failed.
TEST_CASE("a disconnect that fails at any step leaves no receiver, and the next connection is well") {
  enum Way { kResetBefore, kResetWithin, kDeaf, kSilent, kTalks, kWays };
  std::atomic<int> way = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const int mine = way;
    peer.upgrade();
    peer.send_text("open");
    if (mine == kResetBefore) return peer.reset();
    if (mine == kDeaf) return peer.hold(200);  // reads nothing: the close frame finds no room
    if (mine == kTalks)
      for (int i = 0; i < 1000 && !peer.gone(); ++i) peer.send_text("more and more of it");
    if (mine == kResetWithin) {
      (void)peer.receive_text();
      return peer.reset();
    }
    (void)peer.closed_within(5000);  // and answers no close
  });
  Owner owner;
  const auto next_of = [&owner](SocketId id) {
    SocketEvent event = owner.next();
    while (event.id != id) event = owner.next();  // those before it may have talked on until they were closed
    return event;
  };
  for (int round = 0; round < 4 * kWays; ++round) {
    way = round % kWays;
    CAPTURE(way.load());
    const SocketId id = owner.client.open(to(server));
    while (next_of(id).kind != Kind::kText) {
    }
    if (way == kDeaf || way == kResetWithin)
      for (int i = 0; i < 40; ++i) (void)owner.client.send(id, std::string(64 << 10, 'x'));
    owner.client.close(id);
    for (const SocketEvent& event : owner.client.poll()) CHECK(event.id != id);
    CHECK_FALSE(owner.client.send(id, "late"));
    CHECK(owner.client.unsent(id) == 0);
    CHECK(owner.no_sockets_within(5000));
  }
  way = kSilent;
  const SocketId last = owner.client.open(to(server));
  CHECK(next_of(last).kind == Kind::kOpen);
  CHECK(next_of(last).data == "open");
}

TEST_CASE("what a service says as it closes, or refuses, is no matter for messages") {
  constexpr const char* kQuote = "You said hello with sk-secret-key and tok-secret";
  for (const bool close : {true, false}) {
    CAPTURE(close);
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (!close) return peer.answer("400 Bad Request", "", kQuote);
      peer.upgrade();
      peer.send_close(1011, kQuote);
      (void)peer.closed_within(5000);
    });
    Owner owner;
    owner.client.open(to(server, "/v1?token=tok-secret"));
    SocketEvent event = owner.next();
    if (close) event = owner.next();  // behind kOpen
    CAPTURE(event.message);
    CHECK(event.kind == (close ? Kind::kClosed : Kind::kError));
    CHECK_FALSE(has(event.message, "hello"));
    CHECK_FALSE(has(event.message, "secret"));
    CHECK(event.data == "You said hello with *** and ***");
  }
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.upgrade();
    peer.send_close(1008, "policy_violation");
    (void)peer.closed_within(5000);
  });
  Owner owner;
  owner.client.open(to(server));
  CHECK(owner.next().kind == Kind::kOpen);
  CHECK(has(owner.next().message, "closed by the service (1008): policy_violation"));
}

}  // namespace prot::http
