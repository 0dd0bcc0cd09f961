// What becomes of a segment when ElevenLabs' voice, or the connection to it, fails; and its HTTP stream.
#include <doctest/doctest.h>

#include "core/http/loopback_server.hpp"
#include "elevenlabs_bench.hpp"
#include "json/json.hpp"
#include "tts/failover_synthesizer.hpp"

namespace prot::tts::test {
namespace {

bool done(const Spoken& spoken) { return spoken.ended && spoken.end.kind == Piece::Kind::kDone; }

enum class Way { kReset, kEnd, kClose1000, kClose1011, kError, kNoJson, kSilence, kHalfOpen };
constexpr Way kWays[] = {Way::kReset, Way::kEnd,    Way::kClose1000, Way::kClose1011,
                         Way::kError, Way::kNoJson, Way::kSilence,   Way::kHalfOpen};

void break_off(Way way, WebSocketPeer& peer, Service& service) {
  switch (way) {
    case Way::kReset:
      return peer.reset();
    case Way::kEnd:
      return;
    case Way::kClose1000:
      return peer.send_close(1000);
    case Way::kClose1011:
      return peer.send_close(1011);
    case Way::kError:
      return service.error("internal_error");
    case Way::kNoJson:
      return peer.send_text("{\"audio\":");
    case Way::kSilence:
      return service.stay();
    case Way::kHalfOpen:
      return peer.hold(20'000);
  }
}

/// A line of the HTTP answer.
std::string line(std::string_view characters, int begin_ms, std::string_view end = "\n") {
  json::Writer writer;
  writer.begin_object().member("audio_base64", encoded(bytes_of(sound(characters.size()))));
  writer.key("alignment").begin_object().key("characters").begin_array();
  for (const char c : characters) writer.value(std::string(1, c));
  writer.end_array().key("character_start_times_seconds").begin_array();
  for (std::size_t i = 0; i < characters.size(); ++i)
    writer.value((begin_ms + static_cast<int>(i) * 10) / 1000.0);
  writer.end_array().key("character_end_times_seconds").begin_array();
  for (std::size_t i = 1; i <= characters.size(); ++i)
    writer.value((begin_ms + static_cast<int>(i) * 10) / 1000.0);
  writer.end_array().end_object().key("normalized_alignment").null();
  return writer.end_object().str() + std::string(end);
}

}  // namespace

TEST_CASE(
    "whatever breaks the socket before the first sound, the segment is asked for again on another one") {
  for (const Way way : kWays) {
    CAPTURE(static_cast<int>(way));
    std::atomic<int> number = 0;
    WebSocketServer server([&](WebSocketPeer& peer) {
      Service service(peer);
      const auto message = service.next_text();
      if (!message) return;
      if (number++ == 0) return break_off(way, peer, service);
      service.speak(*message);
      service.stay();
    });
    VoiceBench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Spoken spoken = bench.say("Hello there.");
    CHECK(done(spoken));
    CHECK(is_sound(spoken, 12));
    CHECK(spoken.samples.size() == 13 * kCharacter);
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("whatever breaks it in the middle, the next voice is to go on, in time") {
  for (const Way way : kWays) {
    CAPTURE(static_cast<int>(way));
    WebSocketServer server([&](WebSocketPeer& peer) {
      Service service(peer);
      const auto message = service.next_text();
      if (!message) return;
      service.audio(message->context, bytes_of(sound(5)), alignment("Hello"));
      peer.hold(30);
      break_off(way, peer, service);
    });
    VoiceBench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Nanos before = monotonic_now();
    const Spoken spoken = bench.say("Hello there.");
    CHECK(spoken.ended);
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == VoiceError::kUnavailable);
    CHECK(spoken.end.message.find("sk-secret") == std::string::npos);
    CHECK(monotonic_now() - before < 4 * kSecond);
    // A reset may overtake what was on its way.
    if (way != Way::kReset) CHECK(spoken.samples == sound(5));
  }
}

TEST_CASE("errors of the service and of its handshake have their class") {
  struct Sample {
    const char* status;  // null: an error behind the upgrade
    const char* what;
    VoiceError expected;
  };
  const Sample samples[] = {
      {nullptr, "quota_exceeded", VoiceError::kQuota},
      {nullptr, "invalid_api_key", VoiceError::kAuth},
      {nullptr, "needs_authorization", VoiceError::kAuth},
      {nullptr, "missing_permissions", VoiceError::kAuth},
      {nullptr, "voice_not_found", VoiceError::kFatal},
      {nullptr, "unsupported_model", VoiceError::kFatal},
      {nullptr, "max_character_limit_exceeded", VoiceError::kFatal},
      {nullptr, "too_many_concurrent_requests", VoiceError::kUnavailable},
      {nullptr, "something_new", VoiceError::kUnavailable},
      {"401 Unauthorized", R"({"detail":{"status":"invalid_api_key"}})", VoiceError::kAuth},
      {"401 Unauthorized", R"({"detail":{"status":"quota_exceeded"}})", VoiceError::kQuota},
      {"403 Forbidden", "", VoiceError::kAuth},
      {"404 Not Found", "", VoiceError::kFatal},
      {"429 Too Many Requests", "", VoiceError::kUnavailable},
      {"503 Service Unavailable", "", VoiceError::kUnavailable},
  };
  for (const Sample& sample : samples) {
    CAPTURE(std::string(sample.what));
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (sample.status != nullptr) return peer.answer(sample.status, "Connection: close\r\n", sample.what);
      Service service(peer);
      if (service.next_text()) service.error(sample.what);
      service.stay();
    });
    VoiceBench bench(server.url());
    const Nanos before = monotonic_now();
    const Spoken spoken = bench.say("Hello there.");
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == sample.expected);
    CHECK(monotonic_now() - before < 2 * kSecond);
  }
}

TEST_CASE("with a key that is refused the next voice speaks at once, and goes on speaking") {
  WebSocketServer server([](WebSocketPeer& peer) {
    peer.answer("401 Unauthorized", "Connection: close\r\n", R"({"detail":{"status":"invalid_api_key"}})");
  });
  VoiceBench bench(server.url());
  const SteadyClock clock;
  const std::shared_ptr<Synthesizer> first = make_elevenlabs_voice(bench.options);
  const auto second = std::make_shared<WorkerSynthesizer>(make_voice("tone", {}), &bench.bell, clock);
  bench.voice = std::make_unique<FailoverSynthesizer>(
      std::map<std::string, FailoverSynthesizer::Chain>{{"en", {first, second}}}, "en", 3 * kSecond, clock);
  bench.voice->start();
  for (std::uint32_t segment = 0; segment < 2; ++segment) {
    const Spoken spoken = bench.say("Hello there.", segment);
    CHECK(done(spoken));
    CHECK_FALSE(spoken.samples.empty());
  }
  CHECK(bench.voice->name() == "en: tone!");
  CHECK(server.connections() <= 2);
}

TEST_CASE("100 segments with random splits, delays and breaks are said whole or fail with a class") {
  std::atomic<unsigned> number = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const unsigned way = number++;
    peer.split = way % 3 == 0;
    Service service(peer);
    for (unsigned turn = 0; const auto message = service.next_text(); ++turn) {
      if (turn == way % 5) return way % 2 == 0 ? peer.reset() : peer.send_close(1011);
      peer.hold(static_cast<int>(way % 4));
      service.speak(*message);
    }
  });
  VoiceBench bench(server.url());
  int whole = 0;
  for (std::uint32_t segment = 0; segment < 100; ++segment) {
    const Spoken spoken = bench.say("Hello there.", segment);
    REQUIRE(spoken.ended);
    if (!done(spoken)) {
      CHECK(spoken.end.error == VoiceError::kUnavailable);
      continue;
    }
    ++whole;
    CHECK(is_sound(spoken, 12));
    CHECK(spoken.samples.size() == 13 * kCharacter);
  }
  CHECK(whole > 50);
}

TEST_CASE("HTTP: lines that come split anywhere are samples and characters, times from the start") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    const std::string body = line("Hello ", 0, "\r\n\r\n") + line("there.", 60, "");
    connection.send_slowly("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n",
                           7);
    connection.send_slowly(body, 501);
    return true;
  });
  VoiceBench bench(server.url(""));
  bench.options.transport = "http";
  bench.voice = make_elevenlabs_voice(bench.options);  // not started: that asks for the list of models
  const Spoken spoken = bench.say("Hello there.");
  REQUIRE(done(spoken));
  CHECK(spoken.samples.size() == 12 * kCharacter);
  CHECK(is_sound(spoken, 12));
  CHECK(spoken.alignment[8].byte == 9);
  CHECK(spoken.alignment[8].sample == 9 * kCharacter);
  CHECK(seen.starts_with(
      "POST /v1/text-to-speech/VID/stream/with-timestamps?output_format=pcm_16000 HTTP/1.1\r\n"));
  CHECK(seen.find("xi-api-key: sk-secret\r\n") != std::string::npos);
  CHECK(seen.find(R"("text":"Hello there.")") != std::string::npos);
}

TEST_CASE("HTTP: failures are told apart, and what can be tried again is, once, before the first sound") {
  struct Sample {
    const char* answer;
    VoiceError expected;
    int asked;
  };
  const std::string half = line("Hello ", 0);
  const std::string broken = "HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + half;
  const std::string refused =
      "HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n"
      R"({"detail":{"code":"quota_exceeded","message":""}})";
  const Sample samples[] = {
      {"HTTP/1.1 401 No\r\nContent-Length: 40\r\n\r\n{\"detail\":{\"status\":\"quota_exceeded\"}}  ",
       VoiceError::kQuota, 1},
      {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kAuth, 1},
      {"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kFatal, 1},
      {"HTTP/1.1 429 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 1},
      {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", VoiceError::kUnavailable, 2},
      {refused.c_str(), VoiceError::kQuota, 1},
      {broken.c_str(), VoiceError::kUnavailable, 1},
  };
  for (const Sample& sample : samples) {
    CAPTURE(std::string(sample.answer));
    std::atomic<int> asked = 0;
    LoopbackServer server([&](Connection& connection) {
      ++asked;
      connection.send(sample.answer);
      return false;
    });
    VoiceBench bench(server.url(""));
    bench.options.transport = "http";
    bench.voice = make_elevenlabs_voice(bench.options);
    const Spoken spoken = bench.say("Hello there.");
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == sample.expected);
    CHECK(asked == sample.asked);
  }
}

TEST_CASE("HTTP: who cancels closes the connection, and hears nothing more") {
  std::atomic<bool> closed = false;
  LoopbackServer server([&](Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + line("Hello ", 0));
    closed = connection.closed_within(10'000);
    return false;
  });
  VoiceBench bench(server.url(""));
  bench.options.transport = "http";
  bench.voice = make_elevenlabs_voice(bench.options);
  bench.voice->begin({1, 0, "Hello there.", "en"});
  Piece piece;
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (piece.kind != Piece::Kind::kSamples && monotonic_now() < until) (void)bench.voice->poll(piece);
  REQUIRE(piece.kind == Piece::Kind::kSamples);
  bench.voice->cancel();
  CHECK(bench.until([&] { return closed.load(); }));
  CHECK_FALSE(bench.voice->poll(piece));
}

TEST_CASE("what a service says may quote a key or what is spoken: messages have names alone") {
  constexpr const char* kQuote = "You said Hello there with sk-secret";
  const std::string quote = json::escape(kQuote);
  struct Sample {
    std::string json;
    VoiceError expected;
    std::string message;
  };
  const Sample samples[] = {
      {R"({"message":)" + quote + R"(,"error":"quota_exceeded"})", VoiceError::kQuota, "quota_exceeded"},
      {R"({"error":)" + quote + "}", VoiceError::kRetry, "an error"},
      {R"({"error":"secret"})", VoiceError::kRetry, "an error"},
      {R"({"detail":{"status":"invalid_api_key","message":)" + quote + "}}", VoiceError::kAuth,
       "invalid_api_key"},
      {R"({"detail":)" + quote + "}", VoiceError::kRetry, "an error"},
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.json);
    const elevenlabs::Chunk chunk = elevenlabs::parse(sample.json);
    CHECK(chunk.error == sample.expected);
    CHECK(chunk.message == sample.message);
  }
}

}  // namespace prot::tts::test
