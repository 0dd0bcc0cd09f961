// The engine "elevenlabs": what is sent, what is made of answers, and the life of its connection.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.hpp"
#include "scribe_bench.hpp"

namespace prot::stt {
namespace {

/// The n-th commit gets the n-th text (those behind the last one get that), not before `go`.
struct HeldAnswers {
  explicit HeldAnswers(const std::vector<std::string>& texts)
      : server([this, texts](WebSocketPeer& peer) {
          Service service(peer);
          while (service.until_commit()) {
            segments.push_back(service.samples.size());
            ++commits;
            while (!go && !peer.gone()) peer.hold(1);
            service.final(texts[std::min(segments.size(), texts.size()) - 1]);
          }
        }) {}
  std::atomic<bool> go = false;
  std::atomic<int> commits = 0;
  std::vector<std::size_t> segments;
  WebSocketServer server;  // last: its threads use what is above
};

}  // namespace

TEST_CASE("an utterance goes out in chunks, is committed at its end, and its text comes back") {
  std::string head;
  std::vector<std::int16_t> heard;
  std::size_t longest = 0;
  bool complete = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    head = peer.head;
    peer.split = true;
    Service service(peer);
    if (!service.until_commit()) return;
    heard = service.samples;
    longest = service.longest;
    complete = service.complete;
    service.final(" 거실 불  켜줘. ");
    service.stay();
  });
  Bench bench(server);
  bench.options.key_terms = {"프롯", "아 나", "a term that is longer than twenty characters"};
  const Recognition answer = bench.recognise(speech(40'000));
  CHECK(answer.failure == FailureClass::kNone);
  CHECK(answer.final);
  CHECK(answer.text == "거실 불 켜줘.");
  CHECK(answer.samples == 40'000);
  CHECK(answer.decode_end >= answer.decode_start);
  CHECK(heard == speech(40'000));
  CHECK(longest <= scribe::kLongestChunk);
  CHECK(complete);
  CHECK(head.find("GET /v1/speech-to-text/realtime?model_id=scribe_v2_realtime&commit_strategy=manual"
                  "&audio_format=pcm_16000&language_code=ko&keyterms=%ED%94%84%EB%A1%AF&keyterms=%EC%95%84%"
                  "20%EB%82%98"
                  " HTTP/1.1\r\n") == 0);
  CHECK(head.find("xi-api-key: sk-secret\r\n") != std::string::npos);
  CHECK(bench.recognizer->name() == "elevenlabs:scribe_v2_realtime");
}

TEST_CASE("what is committed at a pause is kept when the person goes on") {
  std::vector<std::size_t> segments;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    for (const char* words : {"Turn on", "the light."}) {
      if (!service.until_commit()) return;
      segments.push_back(service.samples.size());
      service.final(words);
    }
    service.stay();
  });
  Bench bench(server);
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech(16'000));
  REQUIRE(bench.recognizer->guess());
  const Recognition guess = bench.answer();
  CHECK_FALSE(guess.final);
  CHECK(guess.text == "Turn on");
  bench.recognizer->retract();
  bench.recognizer->push(speech(8'000));
  REQUIRE(bench.recognizer->guess());
  CHECK(bench.answer().text == "Turn on the light.");
  bench.recognizer->finish();  // nothing has come since: the answer is there
  const Recognition last = bench.answer();
  CHECK(last.final);
  CHECK(last.text == "Turn on the light.");
  CHECK(last.samples == 24'000);
  CHECK(segments == std::vector<std::size_t>{16'000, 8'000});
  CHECK(server.connections() == 1);
}

TEST_CASE("an answer whose guess was taken back belongs to the words all the same") {
  std::atomic<bool> go = false;
  std::atomic<bool> committed = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    if (!service.until_commit()) return;
    committed = true;
    while (!go && !peer.gone()) peer.hold(1);
    service.final("Tell me");
    if (!service.until_commit()) return;
    service.final("a story.");
    service.stay();
  });
  Bench bench(server);
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  REQUIRE(bench.until([&] { return committed.load(); }));
  bench.recognizer->retract();
  bench.recognizer->push(speech(6'000));
  bench.recognizer->finish();
  go = true;
  CHECK(bench.answer().text == "Tell me a story.");
}

TEST_CASE("the silence behind a pause is in its commit, and what comes later makes no other one") {
  constexpr std::size_t kWindow = 512;
  FakeClock clock;
  HeldAnswers service({"Yes."});
  Bench bench(service.server);
  bench.options.clock = &clock;
  bench.start();
  const std::vector<std::int16_t> window(kWindow);
  for (int utterance = 1; utterance <= 2; ++utterance) {
    CAPTURE(utterance);
    service.go = false;
    bench.recognizer->begin();
    bench.recognizer->push(speech());
    REQUIRE(bench.recognizer->guess());
    for (int i = 0; i < 3; ++i) {
      clock.advance(32 * kMillisecond);
      CHECK_FALSE(bench.recognizer->poll().has_value());
      bench.recognizer->push(window);
    }
    CHECK(service.commits == utterance - 1);
    CHECK(bench.recognizer->next_deadline() == clock.now() + 14 * kMillisecond);
    clock.advance(14 * kMillisecond);
    REQUIRE(bench.until([&] { return service.commits == utterance; }));
    for (int i = 0; i < 4; ++i) bench.recognizer->push(window);  // while the answer is awaited
    service.go = true;
    CHECK(bench.answer().text == "Yes.");
    bench.recognizer->push(window);
    bench.recognizer->finish();
    const Recognition last = bench.answer();
    CHECK(last.final);
    CHECK(last.text == "Yes.");
    CHECK(last.samples == 16'000 + 8 * kWindow);
  }
  CHECK(service.segments == std::vector<std::size_t>(2, 16'000 + 3 * kWindow));
  CHECK(service.server.connections() == 1);
}

TEST_CASE("a gap between words is no segment, and words behind a commit are one") {
  FakeClock clock;
  HeldAnswers service({"One two", "three."});
  Bench bench(service.server);
  bench.options.clock = &clock;
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.recognizer->guess());
  clock.advance(109 * kMillisecond);
  CHECK_FALSE(bench.recognizer->poll().has_value());
  bench.recognizer->retract();  // the person goes on
  clock.advance(kMillisecond);
  CHECK_FALSE(bench.recognizer->poll().has_value());
  bench.recognizer->push(speech(8'000));
  REQUIRE(bench.recognizer->guess());
  clock.advance(110 * kMillisecond);
  REQUIRE(bench.until([&] { return service.commits == 1; }));
  bench.recognizer->push(std::vector<std::int16_t>(512));
  bench.recognizer->retract();
  bench.recognizer->push(speech(8'000));
  bench.recognizer->finish();
  service.go = true;
  CHECK(bench.answer().text == "One two three.");
  CHECK(service.segments == std::vector<std::size_t>{24'000, 8'512});
}

TEST_CASE("partials come of their own accord, and are no answers") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    if (!service.next()) return;
    service.say("partial_transcript", "");
    service.say("partial_transcript", "거실");
    if (!service.until_commit()) return;
    service.say("final_transcript", "거실 불");
    service.final("거실 불 켜줘.");
    service.stay();
  });
  Bench bench(server);
  bench.start();
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.until([&] { return !bench.partials.empty(); }));
  CHECK(bench.partials.front().text == "거실");
  CHECK_FALSE(bench.partials.front().final);
  bench.recognizer->finish();
  CHECK(bench.answer().text == "거실 불 켜줘.");
  CHECK(bench.partials.size() == 1);
}

TEST_CASE("a segment that comes in both forms is said once, whatever the order, and so is a repeated text") {
  for (const bool timed_first : {false, true}) {
    CAPTURE(timed_first);
    WebSocketServer server([&](WebSocketPeer& peer) {
      const char* plain = "committed_transcript";
      const char* timed = "committed_transcript_with_timestamps";
      Service service(peer);
      if (!service.until_commit()) return;
      service.say(timed_first ? timed : plain, "one two");
      if (!service.until_commit()) return;
      service.say(timed_first ? plain : timed, "one two");  // the twin, behind the next commit
      service.final("three four three four");
      service.stay();
    });
    Bench bench(server);
    bench.start();
    bench.recognizer->begin();
    bench.recognizer->push(speech());
    REQUIRE(bench.recognizer->guess());
    CHECK(bench.answer().text == "one two");
    bench.recognizer->retract();
    bench.recognizer->push(speech());
    bench.recognizer->finish();
    CHECK(bench.answer().text == "one two three four");
  }
}

TEST_CASE("commits that nobody asked for: empty ones are nothing, words are words") {
  std::atomic<int> arrived = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    const auto arrives = [&] {  // the client answers a ping when it has what came before it
      peer.send_frame(prot::test::Opcode::kPing, "");
      while (const auto frame = peer.receive())
        if (frame->opcode == prot::test::Opcode::kPong) break;
      ++arrived;
    };
    service.final("a phantom");  // before any audio
    arrives();
    while (service.samples.size() < 16'000)
      if (!service.next()) return;
    service.final("");
    service.final("so far");
    arrives();
    if (!service.until_commit()) return;
    service.final("and on");
    service.stay();
  });
  Bench bench(server);
  bench.start();
  REQUIRE(bench.until([&] { return arrived == 1; }));
  CHECK_FALSE(bench.recognizer->poll().has_value());
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  REQUIRE(bench.until([&] { return arrived == 2; }));
  CHECK_FALSE(bench.recognizer->poll().has_value());
  bench.recognizer->push(speech(8'000));
  bench.recognizer->finish();
  CHECK(bench.answer().text == "so far and on");
}

TEST_CASE("noises cost no connection, and nothing of them gets into the next utterance") {
  HeldAnswers service({"A noise.", "Another one.", "Second."});
  service.go = true;
  FakeClock clock;
  Bench bench(service.server);
  bench.options.clock = &clock;
  bench.start();
  for (int noise = 1; noise <= 2; ++noise) {
    CAPTURE(noise);
    bench.recognizer->begin();
    clock.advance(kMillisecond);  // what is sent moves the time of the keep-alive
    bench.recognizer->push(speech(1'600, noise));
    REQUIRE(bench.until([&] { return bench.recognizer->next_deadline() == clock.now() + 8 * kSecond; }));
    bench.recognizer->begin();  // it was too short to be speech
    REQUIRE(bench.until([&] { return service.commits == noise; }));
  }
  CHECK(bench.recognise(speech(16'000, 5)).text == "Second.");
  CHECK(bench.partials.empty());
  CHECK(service.segments == std::vector<std::size_t>{5'600, 5'600, 16'000});
  CHECK(service.server.connections() == 1);
}

TEST_CASE("a session is kept alive, replaced before it is too old, and closed when nobody needs it") {
  FakeClock clock;
  std::atomic<int> chunks = 0;
  std::atomic<int> open = 0;
  std::atomic<int> most = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    most = std::max<int>(most, ++open);
    Service service(peer);
    while (service.next(20'000)) {
      if (service.samples.empty() && !service.committed) ++chunks;
      if (!service.committed) continue;
      service.samples.clear();
      service.final("Yes.");
    }
    --open;
  });
  Bench bench(server);
  bench.options.clock = &clock;
  bench.options.session_limit = 60 * kSecond;
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(bench.recognizer->next_deadline() <= clock.now() + 8 * kSecond);
  clock.advance(8 * kSecond);
  CHECK(bench.until([&] { return chunks == 1; }));
  clock.advance(7 * kSecond);
  CHECK(bench.recognise(speech()).text == "Yes.");  // it is in use
  clock.advance(45 * kSecond);
  // The new one was there before the old one was closed.
  CHECK(bench.until([&] { return most == 2 && open == 1; }));
  CHECK(server.connections() == 2);
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(server.connections() == 2);
  clock.advance(60 * kSecond);
  CHECK(bench.until([&] { return open == 0; }));
  CHECK(bench.recognizer->next_deadline() == kNever);
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(server.connections() == 3);
}

TEST_CASE("a session that the service closes while nothing is said is opened again by the next words") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    if (!service.until_commit()) return;
    service.final("Yes.");
    peer.send_close(1000);
    service.stay();
  });
  Bench bench(server);
  CHECK(bench.recognise(speech()).text == "Yes.");
  (void)bench.until([] { return false; }, 300 * kMillisecond);
  CHECK(server.connections() == 1);
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(server.connections() == 2);
}

TEST_CASE("300 answers: what the engine adds to the service's own bytes is told") {
  std::atomic<Nanos> sent = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    while (service.until_commit()) {
      sent = monotonic_now();
      service.final("Yes.");
    }
  });
  Bench bench(server);
  std::vector<Nanos> added;
  for (int i = 0; i < 300; ++i) {
    REQUIRE(bench.recognise(speech(6'000)).text == "Yes.");
    added.push_back(monotonic_now() - sent);
  }
  std::sort(added.begin(), added.end());
  MESSAGE("from the service's last byte to the answer ", added[150] / kMicrosecond, " us (p50), ",
          added[296] / kMicrosecond, " us (p99)");
  CHECK(added[150] < 50 * kMillisecond);
}

TEST_CASE("addresses and messages") {
  RecognizerOptions options;
  options.model_name = "m";
  options.url = "wss://api.eu.residency.elevenlabs.io/";
  CHECK(scribe::session_url(options).starts_with(
      "wss://api.eu.residency.elevenlabs.io/v1/speech-to-text/realtime?model_id=m&"));
  options.url = "http://asr.local:80";
  CHECK_THROWS_AS((void)scribe::session_url(options), UsageError);
  options.plain_http = true;
  CHECK(scribe::session_url(options).starts_with("http://asr.local/v1/"));
  options.url = "elevenlabs.io";
  CHECK_THROWS_AS((void)scribe::session_url(options), UsageError);

  CHECK(scribe::previous_text("short") == "short");
  const std::string tail = scribe::previous_text(
      "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 열하나 열둘 열셋 열넷 열다섯 열여섯 열일곱");
  CHECK(tail.ends_with("열여섯 열일곱"));
  CHECK(scribe::previous_text(std::string(60, 'x')).empty());
  CHECK(scribe::audio_message({}, true) ==
        R"({"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":16000})");
  CHECK(scribe::parse(R"({"message_type":"mood","text":"x"})").kind == scribe::Message::Kind::kOther);
  CHECK(scribe::parse("[1]").kind == scribe::Message::Kind::kOther);
  CHECK(scribe::parse("").kind == scribe::Message::Kind::kError);
  CHECK(scribe::without_repeats("a b a b a b") == "a b");
  CHECK(scribe::without_repeats("no no") == "no no");
  CHECK(scribe::without_repeats("a b c") == "a b c");
  CHECK(scribe::without_repeats("").empty());
}

}  // namespace prot::stt
