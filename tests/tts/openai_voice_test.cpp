// A voice behind OpenAI's /v1/audio/speech against a server on the loopback.
#include <doctest/doctest.h>

#include <atomic>

#include "audio/wav_head.hpp"
#include "base/error.hpp"
#include "core/http/loopback_server.hpp"
#include "json/json.hpp"
#include "service_bench.hpp"
#include "tts/failover_synthesizer.hpp"
#include "tts/voices/openai.hpp"

namespace prot::tts::test {
namespace {

constexpr const char* kText = "Hello there, my friend.";

struct Bench : ServiceBench {
  explicit Bench(const std::string& url) {
    options.url = speech_endpoint(url, false);
    options.api_key = "sk-secret";
    options.model = "tts-1";
    options.voice = "alloy";
    options.timeout = 5 * kSecond;
    options.wake = [this] { bell.ring(); };
  }
  void start() { voice = make_openai_voice(options); }
  [[nodiscard]] Spoken say(const std::string& text, std::uint32_t segment = 0) {
    if (!voice) start();
    return ServiceBench::say(text, segment);
  }
  OpenAiVoiceOptions options;
};

std::string head(std::size_t length, const std::string& type = "audio/pcm") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}
std::string answer(const std::string& body, const std::string& type = "audio/pcm") {
  return head(body.size(), type) + body;
}

}  // namespace

TEST_CASE(
    "a segment is a request; bytes that come split anywhere are samples, words end where the pace says") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.send_slowly(answer(sound(36'000)), 997);
    return true;
  });
  Bench bench(server.url());
  bench.options.speed = 1.25;
  bench.options.instructions = "Calmly.";
  const Spoken spoken = bench.say(kText);
  REQUIRE(done(spoken));
  CHECK(spoken.rate == 24'000);
  CHECK(spoken.samples == samples_of(36'000));
  CHECK(is_sound(spoken, std::string_view(kText).size()));
  CHECK(spoken.alignment.size() == 4);
  CHECK(seen.starts_with("POST /v1/audio/speech HTTP/1.1\r\n"));
  CHECK(seen.find("Bearer sk-secret\r\n") != std::string::npos);
  const json::Document body = json::parse(seen.substr(seen.find("\r\n\r\n") + 4));
  CHECK(body.get("model").as_string() == "tts-1");
  CHECK(body.get("input").as_string() == kText);
  CHECK(body.get("voice").as_string() == "alloy");
  CHECK(body.get("response_format").as_string() == "pcm");
  CHECK(body.get("speed").as_double() == 1.25);
  CHECK(body.get("instructions").as_string() == "Calmly.");
  CHECK(done(bench.say("Again.", 1)));
  CHECK(server.connections() == 1);
}

TEST_CASE("what is usual is not sent, and a service on this machine needs no key") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.send(answer(sound(100)));
    return true;
  });
  Bench bench(server.url());
  bench.options.api_key.clear();
  bench.options.rate = 22'050;
  const Spoken spoken = bench.say(kText);
  CHECK(done(spoken));
  CHECK(spoken.rate == 22'050);
  CHECK(seen.find("\"speed\"") == std::string::npos);
  CHECK(seen.find("\"instructions\"") == std::string::npos);
  CHECK(seen.find("uthorization") == std::string::npos);
}

TEST_CASE("a WAV file says its own rate") {
  const std::string bytes = sound(4'000);
  const std::string wav = audio::wav_head({.rate = 22'050, .channels = 1}, audio::kUnknownSize) + bytes;
  LoopbackServer server([&](Connection& connection) {
    connection.send_slowly(answer(wav, "audio/wav"), 501);
    return true;
  });
  Bench bench(server.url());
  bench.options.format = "wav";
  const Spoken spoken = bench.say(kText);
  CHECK(done(spoken));
  CHECK(spoken.rate == 22'050);
  CHECK(spoken.samples == samples_of(4'000));
  CHECK(is_sound(spoken, std::string_view(kText).size()));
}

TEST_CASE("failures are told apart, and what can be tried again is, once, before the first sound") {
  struct Sample {
    std::string answer;
    VoiceError expected;
    int asked;
    bool wav = false;
  };
  const std::string half = sound(1'000);
  const Sample samples[] = {
      {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kAuth, 1},
      {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kAuth, 1},
      {"HTTP/1.1 429 No\r\nContent-Length: 40\r\n\r\n{\"error\":{\"code\":\"insufficient_quota\"}}  ",
       VoiceError::kQuota, 1},
      {"HTTP/1.1 429 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 1},
      {"HTTP/1.1 429 No\r\nRetry-After-Ms: 30\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kFatal, 1},
      {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kFatal, 1},
      {"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kFatal, 1},
      {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {"HTTP/1.1 529 No\r\nContent-Length: 0\r\n\r\n", VoiceError::kUnavailable, 2},
      {answer(""), VoiceError::kUnavailable, 2},
      {answer("<html>", "text/html; charset=utf-8"), VoiceError::kUnavailable, 2},
      {answer("<html>", "Text/HTML"), VoiceError::kUnavailable, 2},
      {answer("ID3", "audio/mpeg"), VoiceError::kUnavailable, 2},
      {answer(R"({"title":"no"})", "application/problem+json"), VoiceError::kUnavailable, 2},
      {answer(R"({"error":{"message":"sk-secret","type":"server_error"}})", "application/json"),
       VoiceError::kUnavailable, 2},
      {answer(R"({"error":{"code":"insufficient_quota"}})", "application/json"), VoiceError::kQuota, 1},
      {answer(std::string(1U << 21U, 'x'), "text/plain"), VoiceError::kUnavailable, 2},
      {answer("no WAV file", "audio/wav"), VoiceError::kUnavailable, 2, true},
      {head(99'999) + half, VoiceError::kUnavailable, 1},
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.answer.substr(0, 100));
    std::atomic<int> asked = 0;
    LoopbackServer server([&](Connection& connection) {
      ++asked;
      connection.send(sample.answer);
      return false;
    });
    Bench bench(server.url());
    if (sample.wav) bench.options.format = "wav";
    const Spoken spoken = bench.say(kText);
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == sample.expected);
    CHECK(spoken.end.message.find("sk-secret") == std::string::npos);
    CHECK(asked == sample.asked);
  }
}

TEST_CASE("silence before the headers, behind them and in the middle is a failure, in time") {
  for (const int sent : {0, 1, 2}) {
    CAPTURE(sent);
    LoopbackServer server([&](Connection& connection) {
      if (sent > 0) connection.send(head(99'999));
      if (sent > 1) connection.send(sound(1'000));
      connection.hold(20'000);
      return false;
    });
    Bench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Nanos before = monotonic_now();
    const Spoken spoken = bench.say(kText);
    CHECK(spoken.end.error == VoiceError::kUnavailable);
    CHECK(spoken.samples.size() == (sent > 1 ? 1'000 : 0));
    CHECK(monotonic_now() - before < 3 * kSecond);
    CHECK(server.connections() == (sent > 1 ? 1 : 2));
  }
}

TEST_CASE("a reset before the first sound is not heard; in the middle the next voice goes on") {
  std::atomic<int> asked = 0;
  LoopbackServer server([&](Connection& connection) {
    if (++asked == 1) {
      connection.send(head(99'999));
      connection.reset();
      return false;
    }
    if (asked == 3) {
      connection.send(head(99'999) + sound(1'000));
      connection.hold(30);
      connection.reset();
      return false;
    }
    connection.send(answer(sound(2'000)));
    return true;
  });
  Bench bench(server.url());
  CHECK(done(bench.say(kText)));
  CHECK(asked == 2);
  const SteadyClock clock;
  const std::shared_ptr<Synthesizer> first = make_openai_voice(bench.options);
  const auto second = std::make_shared<WorkerSynthesizer>(make_voice("tone", {}), &bench.bell, clock);
  bench.voice = std::make_unique<FailoverSynthesizer>(
      std::map<std::string, FailoverSynthesizer::Chain>{{"en", {first, second}}}, "en", 3 * kSecond, clock);
  CHECK(done(bench.say(kText)));
  CHECK(bench.voice->name() == "en: tone!");
}

TEST_CASE("who cancels closes the connection at once, and hears nothing of it; 200 times") {
  std::atomic<int> closed = 0;
  LoopbackServer server([&](Connection& connection) {
    const bool odd = connection.request.find("\"odd\"") != std::string::npos;
    connection.send(head(9'999'999) + sound(500, odd ? 1 : 5'000));
    closed += connection.closed_within(10'000) ? 1 : 0;
    return false;
  });
  Bench bench(server.url());
  bench.start();
  for (int i = 0; i < 200; ++i) {
    const bool odd = i % 2 != 0;
    bench.voice->begin({static_cast<std::uint32_t>(i + 1), 0, odd ? "odd" : "even", "en"});
    Piece piece;
    const Nanos until = monotonic_now() + 10 * kSecond;
    while (piece.kind != Piece::Kind::kSamples && monotonic_now() < until) {
      pollfd ready{bench.bell.fd(), POLLIN, 0};
      ::poll(&ready, 1, 5);
      bench.bell.clear();
      while (piece.kind != Piece::Kind::kSamples && bench.voice->poll(piece)) {
      }
    }
    REQUIRE(piece.kind == Piece::Kind::kSamples);
    CHECK((piece.samples.front() == 1) == odd);
    bench.voice->cancel();
    CHECK_FALSE(bench.voice->poll(piece));
    while (closed <= i && monotonic_now() < until) std::this_thread::yield();
    REQUIRE(closed == i + 1);
  }
}

TEST_CASE("addresses") {
  CHECK(speech_endpoint("http://127.0.0.1:8880", false) == "http://127.0.0.1:8880/v1/audio/speech");
  CHECK(speech_endpoint("https://h/v1/", false) == "https://h/v1/audio/speech");
  CHECK(speech_endpoint("https://h/x/audio/speech", false) == "https://h/x/audio/speech");
  CHECK(speech_endpoint("http://tts.local/v1", true) == "http://tts.local/v1/audio/speech");
  CHECK_THROWS_AS((void)speech_endpoint("http://tts.local/v1", false), UsageError);
  for (const char* none : {"", "127.0.0.1:8080", "tcp://127.0.0.1:1"})
    CHECK_THROWS_AS((void)speech_endpoint(none, true), UsageError);
}

}  // namespace prot::tts::test
