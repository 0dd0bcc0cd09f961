// What becomes of an utterance when ElevenLabs, or the connection to it, fails.
#include <doctest/doctest.h>

#include <filesystem>

#include "scribe_bench.hpp"

namespace prot::stt {

TEST_CASE("a short rest of an utterance is filled up with silence, for less is refused") {
  std::size_t got = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    if (!service.until_commit()) return;
    got = service.samples.size();
    service.final("네");
    service.stay();
  });
  Bench bench(server);
  CHECK(bench.recognise(speech(1'000)).text == "네");
  CHECK(got * 10 >= 16'000 * 3);
}

TEST_CASE("every error of the service has its class") {
  struct Sample {
    const char* frame;
    FailureClass expected;
  };
  const Sample samples[] = {
      {R"({"message_type":"auth_error","error":"bad key"})", FailureClass::kAuth},
      {R"({"message_type":"unaccepted_terms","error":"x"})", FailureClass::kAuth},
      {R"({"message_type":"unaccepted_terms_error","error":"x"})", FailureClass::kAuth},
      {R"({"message_type":"quota_exceeded","error":"x"})", FailureClass::kQuota},
      {R"({"message_type":"quota_exceeded_error"})", FailureClass::kQuota},
      {R"({"message_type":"invalid_request","error":"x"})", FailureClass::kFatal},
      {R"({"message_type":"input_error","error":"x"})", FailureClass::kFatal},
      {R"({"message_type":"error","error":"input_error"})", FailureClass::kFatal},
      {R"({"message_type":"chunk_size_exceeded","error":"x"})", FailureClass::kFatal},
      {R"({"message_type":"commit_throttled","error":"x"})", FailureClass::kNone},
      {R"({"message_type":"insufficient_audio_activity","error":"x"})", FailureClass::kNone},
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.frame);
    WebSocketServer server([&](WebSocketPeer& peer) {
      Service service(peer);
      if (!service.until_commit()) return;
      peer.send_text(sample.frame);
      peer.hold(20);
    });
    Bench bench(server);
    const Nanos before = monotonic_now();
    const Recognition answer = bench.recognise(speech());
    CHECK(answer.failure == sample.expected);
    CHECK(monotonic_now() - before < 2 * kSecond);
    CHECK(answer.text.empty() == (sample.expected == FailureClass::kNone));
    CHECK(answer.text.find("sk-secret") == std::string::npos);
    if (sample.expected != FailureClass::kNone) {  // no connection loop: the next one is told at once
      CHECK(bench.recognizer->name().starts_with("elevenlabs: "));
      CHECK(bench.recognise(speech()).failure == sample.expected);
      CHECK(server.connections() == 1);
    }
  }
}

TEST_CASE("whatever breaks a session in an utterance, the utterance is sent again from its last commit on") {
  struct Way {
    const char* name;
    void (*end)(WebSocketPeer& peer, Service& service);
  };
  const Way ways[] = {
      {"reset", [](WebSocketPeer& peer, Service&) { peer.reset(); }},
      {"end", [](WebSocketPeer&, Service&) {}},
      {"1000", [](WebSocketPeer& peer, Service&) { peer.send_close(1000); }},
      {"1008", [](WebSocketPeer& peer, Service&) { peer.send_close(1008, "policy"); }},
      {"1011", [](WebSocketPeer& peer, Service&) { peer.send_close(1011); }},
      {"rate_limited", [](WebSocketPeer&, Service& service) { service.error("rate_limited"); }},
      {"resource_exhausted", [](WebSocketPeer&, Service& service) { service.error("resource_exhausted"); }},
      {"queue_overflow", [](WebSocketPeer&, Service& service) { service.error("queue_overflow"); }},
      {"transcriber_error", [](WebSocketPeer&, Service& service) { service.error("transcriber_error"); }},
      {"session_time_limit_exceeded",
       [](WebSocketPeer&, Service& service) { service.error("session_time_limit_exceeded"); }},
      {"error", [](WebSocketPeer&, Service& service) { service.error("error"); }},
      {"something_new_error", [](WebSocketPeer&, Service& service) { service.error("something_new_error"); }},
      {"no JSON", [](WebSocketPeer& peer, Service&) { peer.send_text("{\"message_type\":"); }},
      {"no text", [](WebSocketPeer& peer, Service&) { peer.send_text("\xff\xfe"); }},
      {"silence", [](WebSocketPeer&, Service& service) { service.stay(); }},
      {"half open", [](WebSocketPeer& peer, Service&) { peer.hold(20'000); }},
  };
  for (const Way& way : ways) {
    CAPTURE(std::string(way.name));
    std::atomic<int> number = 0;
    std::string previous;
    std::vector<std::int16_t> again;
    WebSocketServer server([&](WebSocketPeer& peer) {
      const bool first = number++ == 0;
      Service service(peer);
      if (first) {
        if (!service.until_commit()) return;
        service.final("Turn on");
        if (!service.until_commit()) return;
        return way.end(peer, service);
      }
      if (!service.until_commit()) return;
      again = service.samples;
      previous = service.previous;
      service.final("the light.");
      service.stay();
    });
    Bench bench(server);
    bench.options.answer_timeout = kSecond;
    bench.start();
    bench.recognizer->begin();
    bench.recognizer->push(speech());
    REQUIRE(bench.recognizer->guess());
    CHECK(bench.answer().text == "Turn on");
    bench.recognizer->retract();
    bench.recognizer->push(speech(20'000, 7));
    bench.recognizer->finish();
    const Recognition answer = bench.answer();
    CHECK(answer.text == "Turn on the light.");
    CHECK(answer.failure == FailureClass::kNone);
    CHECK(again == speech(20'000, 7));
    CHECK(previous == "Turn on");
  }
}

TEST_CASE(
    "a connection that is refused has its class, and one that is refused for now is tried again in time") {
  struct Sample {
    const char* status;
    const char* body;
    FailureClass expected;
  };
  const Sample samples[] = {
      {"401 Unauthorized", R"({"detail":{"status":"invalid_api_key"}})", FailureClass::kAuth},
      {"401 Unauthorized", R"({"detail":{"status":"quota_exceeded"}})", FailureClass::kQuota},
      {"402 Payment Required", "", FailureClass::kQuota},
      {"403 Forbidden", "", FailureClass::kAuth},
      {"400 Bad Request", "", FailureClass::kFatal},
      {"200 OK", "<html>", FailureClass::kFatal},
      {"429 Too Many Requests", "{}", FailureClass::kNone},
      {"500 Internal Server Error", "", FailureClass::kNone},
      {"503 Service Unavailable", "", FailureClass::kNone},
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.status);
    CAPTURE(sample.body);
    std::atomic<int> number = 0;
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (number++ == 0 || sample.expected != FailureClass::kNone)
        return peer.answer(sample.status, "Connection: close\r\n", sample.body);
      Service service(peer);
      if (!service.until_commit()) return;
      service.final("Yes.");
      service.stay();
    });
    Bench bench(server);
    const Recognition answer = bench.recognise(speech());
    CHECK(answer.failure == sample.expected);
    if (sample.expected == FailureClass::kNone) CHECK(answer.text == "Yes.");
  }
}

TEST_CASE("with nobody there the answer is a failure in time, and the second question is one soon") {
  enum class Fault { kRefused, kNoStart, kNoUpgrade };
  for (const Fault fault : {Fault::kRefused, Fault::kNoStart, Fault::kNoUpgrade}) {
    CAPTURE(static_cast<int>(fault));
    auto server = std::make_unique<WebSocketServer>([&](WebSocketPeer& peer) {
      if (fault == Fault::kNoUpgrade) return peer.hold(20'000);
      Service service(peer, false);
      service.stay();
    });
    Bench bench(*server);
    if (fault == Fault::kRefused) server.reset();
    bench.options.answer_timeout = 600 * kMillisecond;
    Nanos before = monotonic_now();
    const Recognition answer = bench.recognise(speech());
    CHECK(answer.failure == FailureClass::kRetry);
    CHECK(answer.final);
    CHECK(monotonic_now() - before >= 600 * kMillisecond);
    CHECK(monotonic_now() - before < 3 * kSecond);
    before = monotonic_now();
    bench.recognizer->finish();  // what the stage does about it
    CHECK(bench.answer().failure == FailureClass::kRetry);
    CHECK(monotonic_now() - before < 2 * kSecond);
    bench.recognizer->finish();
    CHECK(bench.answer().failure == FailureClass::kRetry);
  }
}

TEST_CASE("sessions that end by themselves are not opened again and again while nobody speaks") {
  FakeClock clock;
  std::atomic<int> number = 0;
  std::atomic<int> end = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const int mine = ++number;
    Service service(peer);
    if (mine > 3) {
      if (!service.until_commit()) return;
      service.final("Yes.");
    }
    while (end < mine && !peer.gone()) peer.hold(1);
    peer.send_close(1011);
  });
  Bench bench(server);
  bench.options.clock = &clock;
  bench.start();
  const auto ready = [&] { return bench.recognizer->next_deadline() == clock.now() + 8 * kSecond; };
  const auto lost = [&] { return bench.recognizer->name() == "elevenlabs: no connection"; };
  const auto cold = [&] { return bench.recognizer->next_deadline() == kNever; };
  REQUIRE(bench.until(ready));
  clock.advance(3 * kSecond);
  end = 1;
  REQUIRE(bench.until([&] { return number == 2 && ready(); }));  // it broke once: at once
  clock.advance(3 * kSecond);
  end = 2;
  REQUIRE(bench.until(lost));
  CHECK(bench.recognizer->next_deadline() >= clock.now() + 500 * kMillisecond);
  clock.advance(700 * kMillisecond);
  REQUIRE(bench.until([&] { return number == 3 && ready(); }));
  clock.advance(30 * kSecond);
  REQUIRE(bench.until(ready));  // kept alive
  end = 3;
  REQUIRE(bench.until(lost));
  clock.advance(2 * kSecond);
  CHECK(bench.until(cold));
  clock.advance(600 * kSecond);
  CHECK_FALSE(bench.recognizer->poll().has_value());
  CHECK(server.connections() == 3);
  CHECK(bench.recognise(speech()).text == "Yes.");
  clock.advance(100 * kSecond);
  REQUIRE(bench.until(ready));
  end = 4;
  CHECK(bench.until(cold));
  CHECK(bench.recognizer->name() == "elevenlabs:scribe_v2_realtime");  // it only ended
  CHECK(server.connections() == 4);
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(server.connections() == 5);
}

TEST_CASE("a session that is lost in a long utterance is opened again, however long ago that began") {
  FakeClock clock;
  std::atomic<int> number = 0;
  std::atomic<bool> end = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const bool first = ++number == 1;
    Service service(peer);
    if (first) {
      while (!end && !peer.gone()) peer.hold(1);
      return peer.reset();
    }
    if (!service.until_commit()) return;
    service.final("A long story.");
    service.stay();
  });
  Bench bench(server);
  bench.options.clock = &clock;
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.until([&] { return bench.recognizer->next_deadline() == clock.now() + 8 * kSecond; }));
  clock.advance(2 * kSecond);
  (void)bench.recognizer->poll();
  bench.recognizer->push(speech());
  clock.advance(40 * kSecond);
  end = true;
  CHECK(bench.until([&] { return number == 2; }));
  bench.recognizer->finish();
  CHECK(bench.answer().text == "A long story.");
}

TEST_CASE("a noise whose text does not come costs a connection, and the words behind it are recognised") {
  FakeClock clock;
  std::atomic<int> number = 0;
  std::atomic<int> commits = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const bool first = ++number == 1;
    Service service(peer);
    while (service.until_commit()) {
      ++commits;
      if (!first) service.final("Yes.");
    }
  });
  Bench bench(server);
  bench.options.clock = &clock;
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.until([&] { return bench.recognizer->next_deadline() == clock.now() + 8 * kSecond; }));
  bench.recognizer->begin();
  CHECK(bench.recognizer->next_deadline() == clock.now() + kSecond);
  bench.recognizer->push(speech());
  bench.recognizer->finish();
  REQUIRE(bench.until([&] { return commits == 1; }));
  CHECK(number == 1);
  clock.advance(kSecond);
  CHECK(bench.answer().text == "Yes.");
  CHECK(number == 2);
}

TEST_CASE("100 utterances with random splits, delays and breaks are all answered, and leave nothing") {
  std::atomic<unsigned> number = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const unsigned way = number++;
    peer.split = way % 2 == 0;
    Service service(peer);
    for (unsigned turn = 0; service.until_commit(); ++turn) {
      if (turn == way % 4) return way % 3 == 0 ? peer.reset() : peer.send_close(1011);
      peer.hold(static_cast<int>(way % 7));
      service.final("utterance number " + std::to_string(service.samples.size()));
    }
  });
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  Bench bench(server);
  std::ptrdiff_t before = 0;
  for (int i = 0; i < 100; ++i) {
    if (i == 20) before = descriptors();
    const std::size_t size = 6'000 + static_cast<std::size_t>(i);
    const Recognition answer = bench.recognise(speech(size));
    REQUIRE(answer.failure == FailureClass::kNone);
    REQUIRE(answer.text == "utterance number " + std::to_string(size));
  }
  const Nanos until = monotonic_now() + 5 * kSecond;
  while (descriptors() > before + 2 && monotonic_now() < until) std::this_thread::yield();
  CHECK(descriptors() <= before + 2);  // a session that is being replaced has both its ends in this process
}

}  // namespace prot::stt
