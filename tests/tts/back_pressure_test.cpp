// What waits to be spoken stays on the network: ElevenLabs' voice takes no more while something of it is
// still to be polled.
#include <doctest/doctest.h>

#include <atomic>

#include "core/http/loopback_server.hpp"
#include "elevenlabs_bench.hpp"

namespace prot::tts::test {
namespace {

constexpr std::size_t kAll = 96U << 20U;
constexpr std::size_t kMost = 32U << 20U;  // what the transport and the kernel may hold, and more

/// How much the service could send while the voice was polled for a few pieces only.
std::size_t sent_meanwhile(VoiceBench& bench, const std::atomic<std::size_t>& sent) {
  bench.start();
  bench.voice->begin({1, 0, "Hello.", "en"});
  int pieces = 0;
  const Nanos until = monotonic_now() + 20 * kSecond;
  while (pieces < 40 && monotonic_now() < until) {
    Piece piece;
    if (bench.voice->poll(piece)) ++pieces;
    CHECK(piece.kind != Piece::Kind::kFailed);
    pollfd ready{bench.bell.fd(), POLLIN, 0};
    ::poll(&ready, 1, 5);
    bench.bell.clear();
  }
  CHECK(pieces == 40);
  return sent.load();
}

}  // namespace

TEST_CASE("HTTP: a service that sends more than is said waits") {
  std::atomic<std::size_t> sent = 0;
  const std::string line = R"({"audio_base64":")" + encoded(bytes_of(sound(60))) + "\"}\n";
  LoopbackServer server([&](Connection& connection) {
    if (connection.request.starts_with("GET")) return connection.answer("200 OK", "", "[]"), true;
    connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    while (sent < kAll) {
      connection.send(line);
      sent += line.size();
    }
    return false;
  });
  VoiceBench bench(server.url());
  bench.options.transport = "http";
  CHECK(sent_meanwhile(bench, sent) < kMost);
  bench.voice->stop();
}

TEST_CASE("socket: a service that sends more than is said waits") {
  std::atomic<std::size_t> sent = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    const auto text = service.next_text();
    if (!text) return;
    const std::string bytes = bytes_of(sound(60));
    while (sent < kAll && !peer.gone()) {
      service.audio(text->context, bytes);
      sent += bytes.size();
    }
  });
  VoiceBench bench(server.url());
  bench.options.transport = "socket";
  CHECK(sent_meanwhile(bench, sent) < kMost);
  bench.voice->stop();
}

}  // namespace prot::tts::test
