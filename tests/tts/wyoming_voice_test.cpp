// A Wyoming voice against a server on the loopback: what is asked, what is made of every answer and fault.
#include <doctest/doctest.h>

#include <atomic>

#include "base/error.hpp"
#include "service_bench.hpp"
#include "support/wyoming_server.hpp"
#include "tts/failover_synthesizer.hpp"
#include "tts/voices/wyoming.hpp"

namespace prot::tts::test {
namespace {

using prot::test::WyomingPeer;
using prot::test::WyomingServer;

constexpr const char* kFormat = R"({"rate": 22050, "width": 2, "channels": 1, "timestamp": null})";
constexpr const char* kText = "Hello there, my friend.";

struct Bench : ServiceBench {
  explicit Bench(const std::string& url) {
    options.address = wyoming::parse_address(url, "10200");
    options.timeout = 5 * kSecond;
    options.wake = [this] { bell.ring(); };
  }
  void start() { voice = make_wyoming_voice(options); }
  [[nodiscard]] Spoken say(const std::string& text, std::uint32_t segment = 0) {
    if (!voice) start();
    return ServiceBench::say(text, segment);
  }
  WyomingOptions options;
};

/// The text that is to be spoken. Nothing: the client is gone.
std::optional<std::string> asked(WyomingPeer& peer) {
  const std::optional<wyoming::Event> event = peer.receive("synthesize");
  if (!event) return std::nullopt;
  return std::string(event->get("text").as_string());
}

void speak(WyomingPeer& peer, std::size_t samples = 30'000) {
  const std::string bytes = sound(samples);
  peer.send("audio-start", kFormat);
  for (std::size_t at = 0; at < bytes.size(); at += 2048)
    peer.send("audio-chunk", kFormat, std::string_view(bytes).substr(at, 2048));
  peer.send("audio-stop", R"({"timestamp": null})");
}

enum class Way {
  kReset,
  kEnd,
  kError,
  kSilent,
  kHalfOpen,
  kNoSound,
  kTruncated,
  kHugeLine,
  kWrongLength,
  kNoJson
};
constexpr Way kWays[] = {Way::kReset,   Way::kEnd,       Way::kError,    Way::kSilent,      Way::kHalfOpen,
                         Way::kNoSound, Way::kTruncated, Way::kHugeLine, Way::kWrongLength, Way::kNoJson};

bool is_silent(Way way) { return way == Way::kSilent || way == Way::kHalfOpen; }

void break_off(Way way, WyomingPeer& peer) {
  switch (way) {
    case Way::kReset:
      return peer.reset();
    case Way::kEnd:
      return;
    case Way::kError:
      peer.send("error", R"({"text":"out of memory","code":"oom"})");
      break;
    case Way::kSilent:
      break;
    case Way::kHalfOpen:
      return peer.hold(20'000);
    case Way::kNoSound:
      peer.send("audio-stop");
      break;
    case Way::kTruncated:
      return peer.send_raw("{\"type\":\"audio-chunk\",\"payload_length\":4096}\nabc");
    case Way::kHugeLine:
      peer.send_raw("{\"type\":\"" + std::string(1U << 20U, 'x') + "\"}\n");
      break;
    case Way::kWrongLength:
      peer.send_raw("{\"type\":\"audio-chunk\",\"data_length\":3,\"payload_length\":2}\n{\"rate\":22050}ab");
      break;
    case Way::kNoJson:
      peer.send_raw("hello\n");
      break;
  }
  (void)peer.closed_within(20'000);
}

}  // namespace

TEST_CASE(
    "a segment is a connection: its text and voice go out, its sound and the ends of its words come back") {
  std::optional<wyoming::Event> seen;
  std::atomic<bool> closed = false;
  WyomingServer server([&](WyomingPeer& peer) {
    peer.split = true;
    seen = peer.receive();
    if (!seen) return;
    speak(peer);
    closed = peer.closed_within(10'000);
  });
  Bench bench(server.url());
  bench.options.voice = "en_US-joe";
  const Spoken spoken = bench.say(kText);
  REQUIRE(done(spoken));
  CHECK(spoken.rate == 22'050);
  CHECK(spoken.samples == samples_of(30'000));
  CHECK(is_sound(spoken, std::string_view(kText).size()));
  CHECK(spoken.alignment.size() == 4);
  CHECK(spoken.end.first_audio_ns >= spoken.end.began_ns);
  CHECK(bench.until([&] { return closed.load(); }));
  REQUIRE(seen.has_value());
  CHECK(seen->type == "synthesize");
  CHECK(seen->get("text").as_string() == kText);
  CHECK(seen->get("voice").get("name").as_string() == "en_US-joe");
  CHECK(seen->get("voice").get("language").is_null());
}

TEST_CASE("without a name the server's own voice of the language is asked for") {
  std::string language;
  WyomingServer server([&](WyomingPeer& peer) {
    if (const auto event = peer.receive("synthesize"))
      language = event->get("voice").get("language").as_string();
    speak(peer, 100);
  });
  Bench bench(server.url());
  bench.options.language = "ko";
  CHECK(done(bench.say("안녕하세요.")));
  CHECK(language == "ko");
}

TEST_CASE("whatever goes wrong before the first sound, the segment is asked for once more") {
  for (const Way way : kWays) {
    if (is_silent(way)) continue;  // a slow server would only have the work twice
    CAPTURE(static_cast<int>(way));
    std::atomic<int> number = 0;
    WyomingServer server([&](WyomingPeer& peer) {
      if (!asked(peer)) return;
      if (number++ == 0) return break_off(way, peer);
      speak(peer);
    });
    Bench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Spoken spoken = bench.say(kText);
    CHECK(done(spoken));
    CHECK(spoken.samples.size() == 30'000);
    CHECK(is_sound(spoken, std::string_view(kText).size()));
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("whatever goes wrong again, the next voice is to speak, in time") {
  for (const Way way : kWays) {
    CAPTURE(static_cast<int>(way));
    WyomingServer server([&](WyomingPeer& peer) {
      if (asked(peer)) break_off(way, peer);
    });
    Bench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Nanos before = monotonic_now();
    const Spoken spoken = bench.say(kText);
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == VoiceError::kUnavailable);
    CHECK(spoken.end.message.find("wyoming: tcp://127.0.0.1:") == 0);
    CHECK(spoken.samples.empty());
    CHECK(monotonic_now() - before < 3 * kSecond);
    CHECK(server.connections() == (is_silent(way) ? 1 : 2));
  }
}

TEST_CASE("whatever goes wrong in the middle, what has come was said, and the next voice is to go on") {
  for (const Way way : kWays) {
    if (way == Way::kNoSound) continue;  // an end behind sound is the end
    CAPTURE(static_cast<int>(way));
    WyomingServer server([&](WyomingPeer& peer) {
      if (!asked(peer)) return;
      peer.send("audio-start", kFormat);
      peer.send("audio-chunk", kFormat, sound(2'000));
      peer.hold(30);
      break_off(way, peer);
    });
    Bench bench(server.url());
    bench.options.timeout = 300 * kMillisecond;
    const Nanos before = monotonic_now();
    const Spoken spoken = bench.say(kText);
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == VoiceError::kUnavailable);
    CHECK(monotonic_now() - before < 3 * kSecond);
    // A reset may overtake what was on its way.
    if (way != Way::kReset) CHECK(spoken.samples == samples_of(2'000));
    CHECK(server.connections() == 1);
  }
}

TEST_CASE("a server that is not there is told at once, and another voice speaks") {
  std::string url;
  {
    const WyomingServer gone([](WyomingPeer&) {});
    url = gone.url();
  }
  Bench bench(url);
  const SteadyClock clock;
  const std::shared_ptr<Synthesizer> first = make_wyoming_voice(bench.options);
  const auto second = std::make_shared<WorkerSynthesizer>(make_voice("tone", {}), &bench.bell, clock);
  bench.voice = std::make_unique<FailoverSynthesizer>(
      std::map<std::string, FailoverSynthesizer::Chain>{{"en", {first, second}}}, "en", 3 * kSecond, clock);
  const Nanos before = monotonic_now();
  const Spoken spoken = bench.say(kText);
  CHECK(done(spoken));
  CHECK_FALSE(spoken.samples.empty());
  CHECK(monotonic_now() - before < 2 * kSecond);
  CHECK(bench.voice->name() == "en: tone!");
}

TEST_CASE("a slow server is waited for; between two chunks too") {
  WyomingServer server([](WyomingPeer& peer) {
    if (!asked(peer)) return;
    peer.hold(200);
    peer.send("audio-start", kFormat);
    for (int i = 0; i < 5; ++i) {
      peer.send("audio-chunk", kFormat, sound(1'000));
      peer.hold(100);
    }
    peer.send("audio-stop");
  });
  Bench bench(server.url());
  bench.options.timeout = 400 * kMillisecond;
  const Spoken spoken = bench.say(kText);
  CHECK(done(spoken));
  CHECK(spoken.samples.size() == 5'000);
}

TEST_CASE("the time without a sound is the clock's, and counts from the newest one") {
  std::atomic<int> number = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    if (!asked(peer)) return;
    ++number;
    (void)peer.closed_within(20'000);
  });
  FakeClock clock(100 * kSecond);
  Bench bench(server.url());
  bench.options.clock = &clock;
  bench.options.timeout = kSecond;
  bench.start();
  CHECK(bench.voice->next_deadline() == kNever);
  bench.voice->begin({1, 0, kText, "en"});
  CHECK(bench.voice->next_deadline() == clock.now() + kSecond);
  REQUIRE(bench.until([&] { return number == 1; }));
  clock.advance(kSecond - 1);
  Piece piece;
  CHECK_FALSE(bench.voice->poll(piece));
  clock.advance(1);
  REQUIRE(bench.voice->poll(piece));
  CHECK(piece.kind == Piece::Kind::kFailed);
  CHECK(bench.voice->next_deadline() == kNever);
}

TEST_CASE("samples that cannot be played are told, not played") {
  for (const char* format :
       {R"({"rate": 22050, "width": 4, "channels": 1})", R"({"rate": 22050, "width": 2, "channels": 6})",
        R"({"rate": 0, "width": 2, "channels": 1})", R"({"width": 2})"}) {
    CAPTURE(std::string(format));
    WyomingServer server([&](WyomingPeer& peer) {
      if (!asked(peer)) return;
      peer.send("audio-start", format);
      peer.send("audio-chunk", format, sound(100));
      (void)peer.closed_within(10'000);
    });
    Bench bench(server.url());
    const Spoken spoken = bench.say(kText);
    CHECK(spoken.end.kind == Piece::Kind::kFailed);
    CHECK(spoken.end.error == VoiceError::kFatal);
    CHECK(spoken.samples.empty());
  }
}

TEST_CASE("who cancels closes the connection at once, and hears nothing of it; 200 times") {
  std::atomic<int> closed = 0;
  std::atomic<int> heard = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    const std::optional<std::string> text = asked(peer);
    if (!text) return;
    peer.send("audio-start", kFormat);
    peer.send("audio-chunk", kFormat, sound(500, text == "odd" ? 1 : 5'000));
    ++heard;
    closed += peer.closed_within(10'000) ? 1 : 0;
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
    const Nanos before = monotonic_now();
    bench.voice->cancel();
    CHECK_FALSE(bench.voice->poll(piece));
    while (closed <= i && monotonic_now() < until) std::this_thread::yield();
    REQUIRE(closed == i + 1);
    CHECK(monotonic_now() - before < 2 * kSecond);
  }
}

TEST_CASE("a server that sends more than is said waits, and is not taken for silent") {
  WyomingServer server([](WyomingPeer& peer) {
    if (!asked(peer)) return;
    peer.send("audio-start", kFormat);
    const std::string chunk = sound(1U << 19U);
    for (int i = 0; i < 40; ++i) peer.send("audio-chunk", kFormat, chunk);
    peer.send("audio-stop");
  });
  FakeClock clock(100 * kSecond);
  Bench bench(server.url());
  bench.options.clock = &clock;
  bench.options.timeout = kSecond;
  bench.start();
  bench.voice->begin({1, 0, kText, "en"});
  Spoken spoken;
  const Nanos until = monotonic_now() + 20 * kSecond;
  while (!spoken.ended && monotonic_now() < until) {
    Piece piece;
    if (!bench.voice->poll(piece)) {
      pollfd ready{bench.bell.fd(), POLLIN, 0};
      ::poll(&ready, 1, 5);
      bench.bell.clear();
      continue;
    }
    ServiceBench::take(spoken, piece);
    if (piece.kind == Piece::Kind::kSamples) clock.advance(900 * kMillisecond);  // pcm was full
  }
  CHECK(done(spoken));
  CHECK(spoken.samples.size() == 40U << 19U);
}

TEST_CASE("what prot says goes unencrypted to this machine only, unless that is allowed") {
  CHECK(wyoming_voice_address("tcp://127.0.0.1", false).port == "10200");
  CHECK(wyoming_voice_address("tcp://homeassistant.local", true).host == "homeassistant.local");
  CHECK_THROWS_AS((void)wyoming_voice_address("tcp://homeassistant.local", false), UsageError);
}

}  // namespace prot::tts::test
