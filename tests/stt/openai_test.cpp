// The engine "openai" against a service on the loopback: what is sent, what is made of every answer.
#include <doctest/doctest.h>

#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/error.hpp"
#include "core/http/loopback_server.hpp"
#include "http/url.hpp"
#include "stt/service_url.hpp"
#include "stt/speech_recognizer.hpp"

namespace prot::stt {
namespace {

/// An engine and its loop: sleeps until the engine wakes it.
class Bench {
 public:
  explicit Bench(const LoopbackServer& server, Nanos first_byte = 3 * kSecond) {
    options.url = server.url();
    options.model_name = "tiny";
    options.language = "ko";
    options.first_byte_timeout = first_byte;
    options.wake = [this] {
      const std::lock_guard lock(mutex_);
      woken_ = true;
      changed_.notify_all();
    };
  }
  void start() { recognizer = make_recognizer("openai", options); }
  std::optional<Recognition> wait(Nanos patience = 5 * kSecond) {
    const Nanos until = monotonic_now() + patience;
    for (;;) {
      if (std::optional<Recognition> answer = recognizer->poll()) return answer;
      std::unique_lock lock(mutex_);
      const Nanos now = monotonic_now();
      if (now >= until) return std::nullopt;
      const Nanos left = std::max<Nanos>(std::min(until, recognizer->next_deadline()) - now, 0);
      changed_.wait_for(lock, std::chrono::nanoseconds(left), [this] { return woken_; });
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

std::string answer_200(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  REQUIRE(at + sizeof(value) <= bytes.size());
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

TEST_CASE("a whole utterance is one WAV file in a form, and its text comes back clean") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.send_slowly(answer_200(R"({"text":"  Grüß   Gott.\n [BLANK_AUDIO]","usage":{}})"), 7);
    return true;
  });
  Bench bench(server);
  bench.options.api_key = "sk-secret";
  const Recognition answer = bench.recognise(speech());
  CHECK(answer.failure == FailureClass::kNone);
  CHECK(answer.final);
  CHECK(answer.text == "Grüß Gott.");
  CHECK(answer.samples == 16'000);
  CHECK(answer.decode_end > answer.decode_start);
  CHECK(seen.find("POST /v1/audio/transcriptions HTTP/1.1\r\n") == 0);
  CHECK(seen.find("Bearer sk-secret") != std::string::npos);
  CHECK(seen.find("name=\"model\"\r\n\r\ntiny\r\n") != std::string::npos);
  CHECK(seen.find("name=\"language\"\r\n\r\nko\r\n") != std::string::npos);
  CHECK(seen.find("name=\"response_format\"\r\n\r\njson\r\n") != std::string::npos);
  const std::size_t wav = seen.find("RIFF");
  REQUIRE(wav != std::string::npos);
  CHECK(number_at(seen, wav + 4) == 36 + 32'000);
  CHECK(number_at(seen, wav + 24) == 16'000);
  CHECK(number_at(seen, wav + 40) == 32'000);
  const std::vector<std::int16_t> sent = speech();
  CHECK(std::memcmp(seen.data() + wav + 44, sent.data(), 32'000) == 0);
  CHECK(bench.recognizer->name() == "openai:tiny");
}

TEST_CASE("names that are likely go along as the prompt, those of the configuration first") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.send(answer_200(R"({"text":"Mungo"})"));
    return true;
  });
  Bench bench(server);
  CHECK(bench.recognise(speech()).text == "Mungo");
  CHECK(seen.find("name=\"prompt\"") == std::string::npos);
  bench.recognizer.reset();
  bench.options.key_terms = {"프롯"};
  bench.start();
  bench.recognizer->expect({"Mungo", "Oslo"});
  CHECK(bench.recognise(speech()).text == "Mungo");
  CHECK(seen.find("name=\"prompt\"\r\n\r\n프롯, Mungo, Oslo.\r\n") != std::string::npos);
  bench.recognizer->expect({});  // they are forgotten
  CHECK(bench.recognise(speech()).text == "Mungo");
  CHECK(seen.find("name=\"prompt\"\r\n\r\n프롯.\r\n") != std::string::npos);
}

TEST_CASE("too little audio is filled up, and what is inaudible is not sent") {
  std::string seen;
  LoopbackServer server([&](Connection& connection) {
    seen = connection.request;
    connection.send(answer_200(R"({"text":"you"})"));
    return true;
  });
  Bench bench(server);
  CHECK(bench.recognise(speech(101)).text == "you");
  const std::size_t wav = seen.find("RIFF");
  REQUIRE(wav != std::string::npos);
  CHECK(number_at(seen, wav + 40) == 6400);
  seen.clear();
  CHECK(bench.recognise(std::vector<std::int16_t>(16'000, 5)).text.empty());
  CHECK(bench.recognise({}).text.empty());
  CHECK(seen.empty());
}

TEST_CASE("failures are told apart") {
  struct Sample {
    const char* status;
    const char* headers;
    const char* body;
    FailureClass expected;
  };
  const Sample samples[] = {
      {"401 Unauthorized", "", R"({"error":{"code":"invalid_api_key"}})", FailureClass::kAuth},
      {"403 Forbidden", "", "", FailureClass::kAuth},
      {"429 Too Many Requests", "", R"({"error":{"type":"insufficient_quota"}})", FailureClass::kQuota},
      {"429 Too Many Requests", "Retry-After: 1\r\n", "{}", FailureClass::kRetry},
      {"503 Service Unavailable", "", "loading", FailureClass::kRetry},
      {"500 Internal Server Error", "", "", FailureClass::kRetry},
      {"400 Bad Request", "", R"({"error":{"message":"no such model"}})", FailureClass::kFatal},
      {"200 OK", "", "", FailureClass::kRetry},
      {"200 OK", "", "<html>", FailureClass::kRetry},
      {"200 OK", "", R"({"error":"failed to read WAV file"})", FailureClass::kRetry},
      {"200 OK", "", R"({"text":null})", FailureClass::kRetry},
      {"200 OK", "", "[1,2]", FailureClass::kRetry},
  };
  for (const Sample& sample : samples) {
    LoopbackServer server([&](Connection& connection) {
      connection.answer(sample.status, sample.headers, sample.body);
      return true;
    });
    Bench bench(server);
    bench.options.api_key = "sk-secret";
    const Recognition answer = bench.recognise(speech());
    CAPTURE(sample.status);
    CAPTURE(sample.body);
    CAPTURE(answer.text);
    CHECK(answer.failure == sample.expected);
    CHECK_FALSE(answer.text.empty());
    CHECK(answer.text.find("sk-secret") == std::string::npos);
    CHECK((answer.retry_after > 0) == (std::string(sample.headers) != ""));
  }
}

TEST_CASE("a service that is silent, resets or stops in the middle is a failure to retry, in time") {
  enum class Fault { kSilent, kClosed, kHalf };
  for (const Fault fault : {Fault::kSilent, Fault::kClosed, Fault::kHalf}) {
    LoopbackServer server([&](Connection& connection) {
      if (fault == Fault::kHalf) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"text\":");
      if (fault == Fault::kSilent) connection.hold(5000);
      return false;
    });
    Bench bench(server, 300 * kMillisecond);
    const Nanos before = monotonic_now();
    CHECK(bench.recognise(speech()).failure == FailureClass::kRetry);
    CHECK(monotonic_now() - before < 3 * kSecond);
  }
}

TEST_CASE("an answer that dribbles is a failure to retry, in time, whatever its status") {
  for (const char* status : {"200 OK", "503 Busy"}) {
    CAPTURE(std::string(status));
    LoopbackServer server([&](Connection& connection) {
      connection.send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 100000\r\n\r\n{\"text\":\"");
      for (int i = 0; i < 2000 && !connection.closed_within(5); ++i) connection.send("a");
      return false;
    });
    Bench bench(server, 300 * kMillisecond);
    bench.options.answer_timeout = 300 * kMillisecond;
    CHECK(bench.recognise(speech()).failure == FailureClass::kRetry);
  }
}

TEST_CASE("an endless answer is cut off") {
  LoopbackServer server([&](Connection& connection) {
    connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 64; ++i) connection.send(std::string(65'536, ' '));
    return false;
  });
  Bench bench(server);
  CHECK(bench.recognise(speech()).failure == FailureClass::kFatal);
}

TEST_CASE("who gives a request up closes its connection, and its answer never comes") {
  std::atomic<int> asked = 0;
  std::atomic<bool> closed = false;
  LoopbackServer server([&](Connection& connection) {
    if (++asked == 1) {
      closed = connection.closed_within(5000);
      return false;
    }
    connection.send(answer_200(R"({"text":"second"})"));
    return true;
  });
  Bench bench(server);
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  const Nanos until = monotonic_now() + 5 * kSecond;
  while (asked == 0 && monotonic_now() < until) (void)bench.wait(5 * kMillisecond);
  bench.recognizer->retract();
  bench.recognizer->push(speech());
  bench.recognizer->finish();
  const std::optional<Recognition> answer = bench.wait();
  REQUIRE(answer.has_value());
  CHECK(answer->text == "second");
  CHECK(answer->samples == 32'000);
  while (!closed && monotonic_now() < until) (void)bench.wait(5 * kMillisecond);
  CHECK(closed);
  CHECK_FALSE(bench.recognizer->poll().has_value());
}

TEST_CASE("guesses go to this machine only, and are not final") {
  LoopbackServer server([&](Connection& connection) {
    connection.send(answer_200(R"({"text":"so far"})"));
    return true;
  });
  Bench bench(server);
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  const std::optional<Recognition> answer = bench.wait();
  REQUIRE(answer.has_value());
  CHECK_FALSE(answer->final);
  CHECK(answer->text == "so far");

  RecognizerOptions elsewhere;
  elsewhere.url = "https://asr.example.org/v1";
  const auto recognizer = make_recognizer("openai", elsewhere);
  recognizer->begin();
  recognizer->push(speech());
  CHECK_FALSE(recognizer->guess());
}

TEST_CASE("addresses") {
  CHECK(transcription_endpoint("http://127.0.0.1:8080", false) ==
        "http://127.0.0.1:8080/v1/audio/transcriptions");
  CHECK(transcription_endpoint("https://h/v1/", false) == "https://h/v1/audio/transcriptions");
  CHECK(transcription_endpoint("http://localhost:1/inference", false) == "http://localhost:1/inference");
  CHECK(transcription_endpoint("http://[::1]:9/a/audio/transcriptions", false) ==
        "http://[::1]:9/a/audio/transcriptions");
  CHECK(transcription_endpoint("http://asr.local/v1", true) == "http://asr.local/v1/audio/transcriptions");
  for (const char* plain : {"http://asr.local", "http://localhost.evil.org", "http://127.evil.org/",
                            "http://127.0.0.1@evil.org", "http://me:s3cret@10.0.0.1/v1"}) {
    CAPTURE(plain);
    CHECK_FALSE(http::is_loopback(plain));
    try {
      (void)transcription_endpoint(plain, false);
      FAIL("not refused");
    } catch (const UsageError& error) {
      CHECK(std::string(error.what()).find("stt.plain_http") != std::string::npos);
      CHECK(std::string(error.what()).find("s3cret") == std::string::npos);
    }
  }
  for (const char* none : {"", "ftp://127.0.0.1", "127.0.0.1:8080"})
    CHECK_THROWS_AS((void)transcription_endpoint(none, true), UsageError);
  CHECK(http::is_loopback("http://user@127.0.0.1:80/x"));
  CHECK(http::is_loopback("http://[::1]/x"));
}

}  // namespace
}  // namespace prot::stt
