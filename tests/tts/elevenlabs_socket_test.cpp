// ElevenLabs' voice by WebSocket: contexts, alignment, cancelling, and the life of the connection.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <semaphore>

#include "base/error.hpp"
#include "elevenlabs_bench.hpp"

namespace prot::tts::test {
namespace {

bool done(const Spoken& spoken) { return spoken.ended && spoken.end.kind == Piece::Kind::kDone; }

}  // namespace

TEST_CASE("a segment is a context: opened, spoken, closed; its samples and characters come as they are") {
  std::string head;
  std::vector<Service::Message> messages;
  std::atomic<int> seen = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    head = peer.head;
    peer.split = true;
    Service service(peer);
    while (const auto message = service.next()) {
      messages.push_back(*message);
      ++seen;
      if (message->flush) service.speak(*message);
      if (message->close) service.final(message->context);
    }
  });
  VoiceBench bench(server.url());
  const Spoken spoken = bench.say("Hello there.");
  REQUIRE(done(spoken));
  std::vector<std::int16_t> wanted = sound(6);
  const std::vector<std::int16_t> rest = sound(7);
  wanted.insert(wanted.end(), rest.begin(), rest.end());
  CHECK(spoken.samples == wanted);
  CHECK(spoken.rate == kRate);
  CHECK(is_sound(spoken, 12));
  CHECK(spoken.alignment.size() == 12);
  CHECK(spoken.alignment[4].byte == 5);
  CHECK(spoken.alignment[4].sample == 5 * kCharacter);
  CHECK(spoken.alignment[8].sample == 9 * kCharacter);  // of the second chunk
  CHECK(spoken.end.first_audio_ns >= spoken.end.began_ns);
  REQUIRE(bench.until([&] { return seen == 3; }));
  CHECK(messages[0].text == " ");
  CHECK(messages[0].settings);
  CHECK(messages[1].text == "Hello there. ");
  CHECK_FALSE(messages[1].settings);
  CHECK(messages[2].close);
  CHECK(messages[0].context == messages[2].context);
  CHECK(head.find(
            "GET /v1/text-to-speech/VID/multi-stream-input?model_id=eleven_flash_v2_5&output_format=pcm_16000"
            "&inactivity_timeout=180&sync_alignment=true&auto_mode=true&apply_text_normalization=auto"
            "&language_code=en HTTP/1.1\r\n") == 0);
  CHECK(head.find("xi-api-key: sk-secret\r\n") != std::string::npos);
}

TEST_CASE("characters of the text are found again whatever the service makes of blanks and marks") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    const auto message = service.next_text();
    if (!message) return;
    const std::string chars =
        R"({"chars":[" ","안","녕","\n","하","세","요"],)"
        R"("charsStartTimesMs":[0,0,10,20,20,30,40],"charsDurationsMs":[0,10,10,0,10,10,10]})";
    service.audio(message->context, bytes_of(sound(5)), chars);
    service.final(message->context);
    service.stay();
  });
  VoiceBench bench(server.url());
  const std::string text = "안녕, 하세요!";
  const Spoken spoken = bench.say(text);
  REQUIRE(done(spoken));
  CHECK(is_sound(spoken, text.size()));
  CHECK(spoken.alignment[1].byte == 6);
  CHECK(spoken.alignment[1].sample == 2 * kCharacter);
  CHECK(spoken.alignment[4].byte == 17);
}

TEST_CASE("samples that two messages share are whole, and a segment without times ends when its sound does") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    const auto message = service.next_text();
    if (!message) return;
    const std::string bytes = bytes_of(sound(4));
    service.audio(message->context, bytes.substr(0, 7));
    service.audio(message->context, bytes.substr(7, 1));
    service.audio(message->context, bytes.substr(8));
    service.stay();
  });
  VoiceBench bench(server.url());
  const Spoken spoken = bench.say("Yes.");
  REQUIRE(done(spoken));
  CHECK(spoken.samples == sound(4));
  REQUIRE(spoken.alignment.size() == 1);
  CHECK(spoken.alignment[0].byte == 4);
  CHECK(spoken.alignment[0].sample == spoken.samples.size());
}

TEST_CASE("a last word that comes in other characters, or marks that never come, are no failure") {
  struct Sample {
    const char* text;
    const char* comes;
    bool closes;
    bool whole;
  };
  const Sample samples[] = {
      {"It is 5%.", "It is fve ", false, true},  // "five", were it not for the i of "is"
      {"Well then\xE2\x80\xA6", "Well then", false, true},
      {"Well then!", "Well then", true, true},
      {"It costs 5% now.", "It costs fve", false, false},
      {"Well then.", "Well", false, false},
      {"Well then.", "Well", true, false},
  };
  for (const Sample& sample : samples) {
    CAPTURE(std::string(sample.text));
    CAPTURE(sample.closes);
    const std::string comes = sample.comes;
    WebSocketServer server([&](WebSocketPeer& peer) {
      Service service(peer);
      const auto message = service.next_text();
      if (!message) return;
      service.audio(message->context, bytes_of(sound(comes.size())), alignment(comes));
      if (sample.closes) return peer.send_close(1000);
      service.stay();
    });
    VoiceBench bench(server.url());
    const Spoken spoken = bench.say(sample.text);
    REQUIRE(spoken.ended);
    CAPTURE(spoken.end.message);
    CHECK(done(spoken) == sample.whole);
    CHECK(spoken.samples == sound(comes.size()));
    if (sample.whole) CHECK(spoken.alignment.back().byte == std::string_view(sample.text).size());
    if (sample.whole) CHECK(spoken.alignment.back().sample == spoken.samples.size());
  }
}

TEST_CASE("segments follow each other on one socket, and what comes late belongs to nobody") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    std::string before;
    while (const auto message = service.next_text()) {
      if (!before.empty()) service.audio(before, bytes_of(sound(50, 9'000)));
      service.speak(*message);
      before = message->context;
    }
  });
  VoiceBench bench(server.url());
  for (std::uint32_t segment = 0; segment < 3; ++segment) {
    const Spoken spoken = bench.say("Hello there.", segment);
    REQUIRE(done(spoken));
    CHECK(spoken.samples.size() == 13 * kCharacter);
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("200 times cancelled in the middle: the service sees it, and nothing more of it is heard") {
  std::atomic<int> closed = 0;
  std::atomic<Nanos> closed_at = 0;
  std::atomic<Nanos> sent_at = 0;
  std::atomic<int> most = 0;
  std::atomic<bool> touched = false;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    std::vector<std::string> open;
    std::string last;
    while (const auto message = service.next()) {
      if (message->settings) open.push_back(message->context);
      most = std::max<int>(most, static_cast<int>(open.size()));
      if (message->flush) {
        sent_at = monotonic_now();
        service.audio(message->context, bytes_of(sound(3)), alignment("Onc"));
      }
      if (!message->close) continue;
      closed_at = monotonic_now();
      touched = touched || message->context == last;
      last = message->context;
      service.audio(message->context, bytes_of(sound(10, 9'000)), alignment("e upon"));  // it was on its way
      service.final(message->context);
      open.erase(std::find(open.begin(), open.end(), message->context));
      ++closed;
    }
  });
  VoiceBench bench(server.url());
  bench.start();
  std::vector<Nanos> delays;
  std::vector<Nanos> arrivals;
  for (int i = 0; i < 200; ++i) {
    bench.voice->begin({static_cast<std::uint32_t>(i + 1), 0, "Once upon a time.", "en"});
    Piece piece;
    std::vector<std::int16_t> heard;
    const Nanos until = monotonic_now() + 10 * kSecond;
    while (heard.empty() && monotonic_now() < until) {
      if (bench.voice->poll(piece)) heard = piece.samples;
    }
    arrivals.push_back(monotonic_now() - sent_at);
    REQUIRE(heard == sound(3));
    const Nanos before = monotonic_now();
    bench.voice->cancel();
    REQUIRE(bench.until([&] { return closed == i + 1; }));
    delays.push_back(closed_at - before);
    CHECK_FALSE(bench.voice->poll(piece));
  }
  CHECK(server.connections() == 1);
  CHECK(most <= 5);
  CHECK_FALSE(touched);
  std::sort(delays.begin(), delays.end());
  std::sort(arrivals.begin(), arrivals.end());
  MESSAGE("a first sound is there after ", arrivals[100] / kMicrosecond, " us (p50), ",
          arrivals[197] / kMicrosecond, " us (p99)");
  MESSAGE("a cancel is seen after ", delays[100] / kMicrosecond, " us (p50), ", delays[197] / kMicrosecond,
          " us (p99), ", delays.back() / kMicrosecond, " us (most)");
  CHECK(delays[100] < 50 * kMillisecond);
}

TEST_CASE("a service that never calls a context final gets another socket before it has five of them") {
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    int contexts = 0;
    while (const auto message = service.next_text()) {
      if (++contexts > 5) return service.error("max_contexts");
      service.speak(*message);
    }
  });
  VoiceBench bench(server.url());
  for (std::uint32_t segment = 0; segment < 12; ++segment) REQUIRE(done(bench.say("Hello there.", segment)));
  CHECK(server.connections() == 3);
}

TEST_CASE("the socket is kept warm, replaced before it is too old, and left alone when nobody speaks") {
  FakeClock clock;
  std::atomic<int> began = 0;
  std::atomic<int> ended = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    ++began;
    while (const auto message = service.next_text()) {
      service.speak(*message);
      if (message->text == "Goodbye. ") peer.send_close(1008, "input_timeout_exceeded");
    }
    ++ended;
  });
  VoiceBench bench(server.url());
  bench.options.clock = &clock;
  bench.start();
  // That one, and no other, is open.
  const auto has_connection = [&](int number) {
    return bench.until([&] { return began == number && ended == number - 1; });
  };
  REQUIRE(has_connection(1));
  REQUIRE(done(bench.say("Hello there.")));
  clock.advance(150 * kSecond);
  REQUIRE(has_connection(2));
  REQUIRE(done(bench.say("Goodbye.")));
  REQUIRE(bench.until([&] { return ended == 2; }));
  clock.advance(10 * kSecond);
  REQUIRE(has_connection(3));
  for (int number = 4; number <= 6; ++number) {
    clock.advance(150 * kSecond);
    REQUIRE(has_connection(number));
  }
  for (int i = 0; i < 4; ++i) {
    clock.advance(150 * kSecond);
    bench.voice->tend();
    CHECK(bench.voice->next_deadline() == kNever);
  }
  REQUIRE(bench.until([&] { return ended == 6; }));
  REQUIRE(done(bench.say("Hello again.")));
  CHECK(began == 7);
}

TEST_CASE("a service that is gone with its last word, or before a cancel, gets a socket again") {
  for (const bool cancelled : {false, true}) {
    CAPTURE(cancelled);
    FakeClock clock;
    std::counting_semaphore<> events(0);
    WebSocketServer server([](WebSocketPeer& peer) {
      Service service(peer);
      while (const auto message = service.next_text()) {
        service.speak(*message);
        peer.send_close(1008, "loopback");
      }
    });
    VoiceBench bench(server.url());
    bench.options.clock = &clock;
    bench.options.wake = [&] {
      events.release();
      bench.bell.ring();
    };
    bench.start();
    bench.voice->begin({1, 0, "Goodbye.", "en"});
    // Opened, both halves, closed: all of it is there when the voice looks.
    for (int i = 0; i < 4; ++i) REQUIRE(events.try_acquire_for(std::chrono::seconds(10)));
    if (cancelled)
      bench.voice->cancel();
    else
      CHECK(done(bench.listen()));
    CHECK(bench.voice->next_deadline() == clock.now() + 10 * kSecond);
    clock.advance(10 * kSecond);
    REQUIRE(bench.until([&] { return server.connections() == 2; }));
  }
}

TEST_CASE("addresses and messages by model") {
  ElevenLabsOptions options;
  options.voice_id = "V/1";
  options.model = "eleven_multilingual_v2";
  CHECK(elevenlabs::socket_url(options).find("language_code") == std::string::npos);
  CHECK(elevenlabs::socket_url(options).starts_with(
      "https://api.elevenlabs.io/v1/text-to-speech/V%2F1/multi-"));
  CHECK(elevenlabs::request_body(options, "a").find("language_code") == std::string::npos);
  options.model = "eleven_v3";
  options.stability = 0.7;
  CHECK_FALSE(elevenlabs::has_sockets(options.model));
  CHECK(elevenlabs::request_body(options, "a").find(R"("stability":0.5,)") != std::string::npos);
  CHECK(elevenlabs::stream_url(options).ends_with("/stream/with-timestamps?output_format=pcm_24000"));
  options.url = "http://voice.local";
  CHECK_THROWS_AS((void)elevenlabs::socket_url(options), UsageError);
  options.plain_allowed = true;
  CHECK(elevenlabs::models_url(options) == "http://voice.local/v1/models");
  CHECK(elevenlabs::parse(R"({"detail":"Not so"})").error == VoiceError::kRetry);
  CHECK(elevenlabs::parse(R"({"audio":"?"})").error == VoiceError::kRetry);
  CHECK(elevenlabs::parse("[]").error == VoiceError::kRetry);
  CHECK(elevenlabs::parse(R"({"type":"flush_done","context_id":"c"})").error == VoiceError::kNone);
}

}  // namespace prot::tts::test
