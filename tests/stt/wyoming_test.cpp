// The engine "wyoming" against a server on the loopback: what is sent, what is made of every answer and
// fault.
#include <doctest/doctest.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/error.hpp"
#include "stt/service_url.hpp"
#include "stt/speech_recognizer.hpp"
#include "support/wyoming_server.hpp"

namespace prot::stt {
namespace {

using test::WyomingPeer;
using test::WyomingServer;

/// An engine and its loop: sleeps until the engine wakes it.
class Bench {
 public:
  explicit Bench(const std::string& url) {
    options.url = url;
    options.language = "ko";
    options.first_byte_timeout = 5 * kSecond;
    options.wake = [this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    };
  }
  void start() { recognizer = make_recognizer("wyoming", options); }
  std::optional<Recognition> wait(Nanos patience = 10 * kSecond) {
    const Nanos until = monotonic_now() + patience;
    for (;;) {
      if (std::optional<Recognition> answer = recognizer->poll()) return answer;
      const Nanos now = monotonic_now();
      if (now >= until) return std::nullopt;
      std::unique_lock lock(mutex_);
      const auto left =
          std::chrono::nanoseconds(std::min(until, std::max(recognizer->next_deadline(), now)) - now);
      (void)changed_.wait_for(lock, left, [this] { return woken_; });
      woken_ = false;
    }
  }
  Recognition recognise(const std::vector<std::int16_t>& samples) {
    if (!recognizer) start();
    recognizer->begin();
    recognizer->push(samples);
    recognizer->finish();
    const std::optional<Recognition> answer = wait();
    REQUIRE(answer.has_value());
    return *answer;
  }

  RecognizerOptions options;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;

 public:
  std::unique_ptr<SpeechRecognizer> recognizer;  // last: its worker wakes
};

std::vector<std::int16_t> speech(std::size_t count = 16'000) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i) samples[i] = static_cast<std::int16_t>(i % 2 == 0 ? 3000 : -3000);
  return samples;
}

/// All that a client asks: the audio between audio-start and audio-stop. Nothing: it is gone.
struct Asked {
  std::string order;
  std::string language;
  std::string model;
  std::string audio;
};
std::optional<Asked> question(WyomingPeer& peer) {
  Asked asked;
  while (const std::optional<wyoming::Event> event = peer.receive()) {
    if (event->type == "transcribe") {
      asked.language = event->get("language").as_string();
      asked.model = event->get("name").as_string();
    }
    if (event->type != "audio-chunk" || asked.audio.empty()) asked.order += event->type + " ";
    if (event->type == "audio-chunk") {
      if (event->get("rate").as_int() != 16'000 || event->get("width").as_int() != 2 ||
          event->get("channels").as_int() != 1)
        asked.order += "wrong ";
      asked.audio += event->payload;
    }
    if (event->type == "audio-stop") return asked;
  }
  return std::nullopt;
}

bool failed(const Recognition& answer) {
  return answer.failure == FailureClass::kRetry && !answer.text.empty() && answer.final;
}

}  // namespace

TEST_CASE("an utterance is a connection: language, audio, end; its transcript comes back clean") {
  std::optional<Asked> seen;
  WyomingServer server([&](WyomingPeer& peer) {
    peer.split = true;
    seen = question(peer);
    if (!seen) return;
    peer.send("transcript-start", R"({"language":"ko"})");
    peer.send("transcript-chunk", R"({"text":" 불 "})");
    peer.send("transcript", R"({"text":"  불 켜줘.\n [BLANK_AUDIO]","language":"ko"})");
    (void)peer.closed_within(10'000);
  });
  Bench bench(server.url());
  bench.options.model_name = "tiny";
  const std::vector<std::int16_t> said = speech(30'001);
  const Recognition answer = bench.recognise(said);
  CHECK(answer.failure == FailureClass::kNone);
  CHECK(answer.final);
  CHECK(answer.text == "불 켜줘.");
  CHECK(answer.samples == 30'001);
  CHECK(answer.decode_end > answer.decode_start);
  REQUIRE(seen.has_value());
  CHECK(seen->order == "transcribe audio-start audio-chunk audio-stop ");
  CHECK(seen->language == "ko");
  CHECK(seen->model == "tiny");
  REQUIRE(seen->audio.size() == said.size() * 2);
  CHECK(std::memcmp(seen->audio.data(), said.data(), seen->audio.size()) == 0);
  CHECK(bench.recognizer->name() == "wyoming:tiny");
  CHECK(bench.recognise(speech()).text == "불 켜줘.");
  CHECK(server.connections() == 2);
}

TEST_CASE("too little audio is filled up, and what is inaudible is not sent") {
  std::size_t bytes = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    if (const std::optional<Asked> asked = question(peer)) bytes = asked->audio.size();
    peer.send("transcript", R"({"text":"you"})");
  });
  Bench bench(server.url());
  CHECK(bench.recognise(speech(101)).text == "you");
  CHECK(bytes == 6400);
  CHECK(bench.recognise(std::vector<std::int16_t>(16'000, 5)).text.empty());
  CHECK(bench.recognise({}).text.empty());
  CHECK(server.connections() == 1);
}

TEST_CASE("whatever goes wrong is a failure to try again, at once or in time, and the next one is heard") {
  enum class Way {
    kSilent,
    kHalfOpen,
    kNeverReads,
    kTruncatedLine,
    kTruncatedData,
    kDataTooLong,
    kDataTooShort,
    kHugeLine,
    kNoJson,
    kNoText,
    kError,
    kEnd,
    kReset,
    kResetInAudio,
    kHttp
  };
  for (const Way way :
       {Way::kSilent, Way::kHalfOpen, Way::kNeverReads, Way::kTruncatedLine, Way::kTruncatedData,
        Way::kDataTooLong, Way::kDataTooShort, Way::kHugeLine, Way::kNoJson, Way::kNoText, Way::kError,
        Way::kEnd, Way::kReset, Way::kResetInAudio, Way::kHttp}) {
    CAPTURE(static_cast<int>(way));
    std::atomic<int> number = 0;
    WyomingServer server([&](WyomingPeer& peer) {
      if (number++ > 0) {
        if (question(peer)) peer.send("transcript", R"({"text":"Second."})");
        return;
      }
      if (way == Way::kNeverReads) return peer.hold(20'000);
      if (way == Way::kResetInAudio) {
        if (peer.receive("audio-chunk")) peer.reset();
        return;
      }
      if (way == Way::kHalfOpen) {
        if (peer.receive("audio-start")) peer.hold(20'000);
        return;
      }
      if (!question(peer)) return;
      switch (way) {
        case Way::kTruncatedLine:
          return peer.send_raw("{\"type\":\"transcri");
        case Way::kTruncatedData:
          return peer.send_raw("{\"type\":\"transcript\",\"data_length\":17}\n{\"text\":");
        case Way::kDataTooLong:  // more than comes
          peer.send_raw("{\"type\":\"transcript\",\"data_length\":170}\n{\"text\":\"First.\"}");
          break;
        case Way::kDataTooShort:
          peer.send_raw("{\"type\":\"transcript\",\"data_length\":9}\n{\"text\":\"First.\"}");
          break;
        case Way::kHugeLine:
          peer.send_raw("{\"type\":\"" + std::string(1U << 20U, 'x') + "\"}\n");
          break;
        case Way::kNoJson:
          peer.send_raw("First.\n");
          break;
        case Way::kNoText:
          peer.send("transcript", R"({"text":null})");
          break;
        case Way::kError:
          peer.send("error", R"({"text":"secret words","code":"load_failed"})");
          break;
        case Way::kEnd:
          return;
        case Way::kReset:
          return peer.reset();
        case Way::kHttp:
          peer.send_raw("HTTP/1.1 400 Bad Request\r\n\r\n");
          break;
        default:  // silent
          break;
      }
      (void)peer.closed_within(20'000);
    });
    Bench bench(server.url());
    bench.options.first_byte_timeout = 300 * kMillisecond;
    const Nanos before = monotonic_now();
    const Recognition first = bench.recognise(speech(400'000));
    CAPTURE(first.text);
    CHECK(failed(first));
    CHECK(first.text.find("secret words") == std::string::npos);
    CHECK(monotonic_now() - before < 3 * kSecond);
    bench.options.first_byte_timeout = 10 * kSecond;
    bench.start();
    CHECK(bench.recognise(speech()).text == "Second.");
  }
}

TEST_CASE("a server that is not there is told at once") {
  std::string url;
  {
    const WyomingServer gone([](WyomingPeer&) {});
    url = gone.url();
  }
  Bench bench(url);
  const Nanos before = monotonic_now();
  CHECK(failed(bench.recognise(speech())));
  CHECK(monotonic_now() - before < 2 * kSecond);
}

TEST_CASE("a slow server is waited for, as long as it may take") {
  WyomingServer server([](WyomingPeer& peer) {
    if (!question(peer)) return;
    peer.hold(300);
    peer.send("transcript", R"({"text":"Late."})");
  });
  Bench bench(server.url());
  CHECK(bench.recognise(speech()).text == "Late.");
}

TEST_CASE("the time for an answer is the clock's") {
  std::atomic<bool> asked = false;
  std::atomic<bool> closed = false;
  WyomingServer server([&](WyomingPeer& peer) {
    asked = question(peer).has_value();
    closed = peer.closed_within(20'000);
  });
  FakeClock clock(100 * kSecond);
  Bench bench(server.url());
  bench.options.clock = &clock;
  bench.options.first_byte_timeout = 4 * kSecond;
  bench.start();
  CHECK(bench.recognizer->next_deadline() == kNever);
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  bench.recognizer->finish();
  CHECK(bench.recognizer->next_deadline() == clock.now() + 4 * kSecond);
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (!asked && monotonic_now() < until) std::this_thread::yield();
  clock.advance(4 * kSecond - 1);
  CHECK_FALSE(bench.recognizer->poll().has_value());
  clock.advance(1);
  const std::optional<Recognition> answer = bench.recognizer->poll();
  REQUIRE(answer.has_value());
  CHECK(failed(*answer));
  CHECK(bench.recognizer->next_deadline() == kNever);
  while (!closed && monotonic_now() < until) std::this_thread::yield();
  CHECK(closed);
}

TEST_CASE("who gives a question up closes its connection, and its answer never comes") {
  std::atomic<int> asked = 0;
  std::atomic<bool> closed = false;
  WyomingServer server([&](WyomingPeer& peer) {
    if (!question(peer)) return;
    if (++asked == 1) {
      closed = peer.closed_within(10'000);
      return;
    }
    peer.send("transcript", R"({"text":"second"})");
  });
  Bench bench(server.url());
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  const Nanos until = monotonic_now() + 10 * kSecond;
  while (asked == 0 && monotonic_now() < until) std::this_thread::yield();
  bench.recognizer->retract();
  CHECK_FALSE(bench.recognizer->poll().has_value());
  bench.recognizer->push(speech());
  bench.recognizer->finish();
  const std::optional<Recognition> answer = bench.wait();
  REQUIRE(answer.has_value());
  CHECK(answer->text == "second");
  CHECK(answer->samples == 32'000);
  while (!closed && monotonic_now() < until) std::this_thread::yield();
  CHECK(closed);
}

TEST_CASE("a server that is at work on what was given up is not asked to guess meanwhile, but for the end") {
  std::atomic<int> asked = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    if (!question(peer)) return;
    ++asked;
    (void)peer.closed_within(20'000);
  });
  FakeClock clock(100 * kSecond);
  Bench bench(server.url());
  bench.options.clock = &clock;
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  clock.advance(200 * kMillisecond);
  bench.recognizer->retract();
  CHECK_FALSE(bench.recognizer->guess());
  clock.advance(800 * kMillisecond - 1);
  CHECK_FALSE(bench.recognizer->guess());
  bench.recognizer->finish();
  CHECK(bench.recognizer->next_deadline() == clock.now() + bench.options.first_byte_timeout);
  bench.recognizer->begin();
  clock.advance(kSecond);
  bench.recognizer->push(speech());
  CHECK(bench.recognizer->guess());
}

TEST_CASE("what an answer to half a second took, as to a probe, is not what one usually takes") {
  std::atomic<int> asked = 0;
  WyomingServer server([&](WyomingPeer& peer) {
    if (!question(peer)) return;
    if (++asked == 1)
      peer.send("transcript", R"({"text":""})");
    else
      (void)peer.closed_within(20'000);
  });
  FakeClock clock(100 * kSecond);
  Bench bench(server.url());
  bench.options.clock = &clock;
  CHECK(bench.recognise(speech(8'000)).failure == FailureClass::kNone);
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  bench.recognizer->retract();
  clock.advance(kSecond - 1);
  CHECK_FALSE(bench.recognizer->guess());
  clock.advance(1);
  CHECK(bench.recognizer->guess());
}

TEST_CASE("a guess is not final") {
  WyomingServer server([](WyomingPeer& peer) {
    if (question(peer)) peer.send("transcript", R"({"text":"so far"})");
  });
  Bench bench(server.url());
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  const std::optional<Recognition> answer = bench.wait();
  REQUIRE(answer.has_value());
  CHECK_FALSE(answer->final);
  CHECK(answer->text == "so far");
}

TEST_CASE("speech goes unencrypted to this machine only, unless that is allowed") {
  CHECK(wyoming_address("tcp://127.0.0.1", false).port == "10300");
  CHECK(wyoming_address("homeassistant.local", true).host == "homeassistant.local");
  try {
    (void)wyoming_address("tcp://homeassistant.local:10300", false);
    FAIL("not refused");
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()).find("stt.plain_http") != std::string::npos);
  }
}

}  // namespace prot::stt
