// ElevenLabs' recognition by the book: every error class in every form, every fault of the menu that the
// other files do not have, and what of a service's words gets into messages and logs.
#include <doctest/doctest.h>

#include <ctime>

#include "base/log.hpp"
#include "base/log_record.hpp"
#include "scribe_bench.hpp"

namespace prot::stt {
namespace {

struct Code {
  const char* name;
  FailureClass failure;  // kNone: the segment is empty
};
constexpr Code kCodes[] = {
    {"auth", FailureClass::kAuth},
    {"unaccepted_terms", FailureClass::kAuth},
    {"quota_exceeded", FailureClass::kQuota},
    {"invalid_request", FailureClass::kFatal},
    {"input", FailureClass::kFatal},
    {"chunk_size_exceeded", FailureClass::kFatal},
    {"rate_limited", FailureClass::kRetry},
    {"resource_exhausted", FailureClass::kRetry},
    {"queue_overflow", FailureClass::kRetry},
    {"transcriber", FailureClass::kRetry},
    {"session_time_limit_exceeded", FailureClass::kRetry},
    {"commit_throttled", FailureClass::kNone},
    {"insufficient_audio_activity", FailureClass::kNone},
};

/// The lines that are written while it lives, all levels and content too.
class Lines {
 public:
  Lines() {
    set_log_content(true);
    set_log_level(LogLevel::kDebug);
    set_log_observer(
        [this](const LogRecord& record) {
          const std::lock_guard lock(mutex_);
          (record.level == LogLevel::kDebug ? content_ : lines_) += record.message + "\n";
        },
        false);
  }
  ~Lines() {
    set_log_observer({}, true);
    set_log_level(LogLevel::kInfo);
    set_log_content(false);
  }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  [[nodiscard]] std::string content() const { return copy(content_); }
  [[nodiscard]] std::string lines() const { return copy(lines_); }

 private:
  [[nodiscard]] std::string copy(const std::string& text) const {
    const std::lock_guard lock(mutex_);
    return text;
  }
  mutable std::mutex mutex_;
  std::string content_;  // protected by mutex_
  std::string lines_;    // likewise
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string json_of(const std::string& type, const std::string& says) {
  return R"({"message_type":)" + json::escape(type) + R"(,"error":)" + json::escape(says) + "}";
}

std::string http_date(std::time_t when) {
  char text[64];
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  (void)std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

}  // namespace

TEST_CASE("every error has its class with and without the suffix, and in the other form") {
  for (const Code& code : kCodes) {
    const std::string name = code.name;
    for (const std::string& frame :
         {json_of(name, "x"), json_of(name + "_error", "x"), json_of("error", name),
          json_of("error", name + "_error"), json_of("something_new", name)}) {
      CAPTURE(frame);
      const scribe::Message message = scribe::parse(frame);
      const bool soft = code.failure == FailureClass::kNone;
      CHECK(message.kind == (soft ? scribe::Message::Kind::kEmpty : scribe::Message::Kind::kError));
      CHECK(message.failure == code.failure);
    }
  }
  for (const char* frame :
       {R"({"message_type":"error","error":"out of order"})", R"({"message_type":"new_error"})",
        R"({"message_type":"mood","error":"x"})", R"({"error":"x"})", R"({"message_type":)"}) {
    CAPTURE(std::string(frame));
    CHECK(scribe::parse(frame).kind == scribe::Message::Kind::kError);
    CHECK(scribe::parse(frame).failure == FailureClass::kRetry);
  }
  for (const char* frame :
       {R"({"message_type":"mood","error":null})", R"({"message_type":"warning","warning":"x"})",
        R"({"message_type":"committed_transcript_entities","text":"x","entities":[]})",
        R"({"message_type":"edited_transcript","text":"x","edited_text":"y"})", R"({"message_type":7})",
        "{}"}) {
    CAPTURE(std::string(frame));
    CHECK(scribe::parse(frame).kind == scribe::Message::Kind::kOther);
  }
}

TEST_CASE("an error in place of the session has its class too, whatever closes behind it") {
  for (const Code& code : kCodes) {
    if (code.failure == FailureClass::kNone) continue;
    for (const int close : {0, 1000, 1008}) {
      CAPTURE(std::string(code.name));
      CAPTURE(close);
      std::atomic<int> number = 0;
      WebSocketServer server([&](WebSocketPeer& peer) {
        const bool well = number++ > 0 && code.failure == FailureClass::kRetry;
        Service service(peer, well);
        if (well) {
          if (!service.until_commit()) return;
          service.final("Yes.");
          return service.stay();
        }
        peer.send_text(json_of(code.name, "no"));
        if (close > 0) peer.send_close(close);
        peer.hold(20);
      });
      Bench bench(server);
      const Recognition answer = bench.recognise(speech());
      if (code.failure == FailureClass::kRetry) {
        CHECK(answer.text == "Yes.");
        continue;
      }
      CHECK(answer.failure == code.failure);
      CHECK(bench.recognise(speech()).failure == code.failure);
      CHECK(server.connections() == 1);
    }
  }
}

TEST_CASE("a handshake that is refused has its class, and is tried again when the service says so") {
  struct Sample {
    std::string status;
    std::string headers;
    Nanos wait;  // at least; -1: not tried again
  };
  const Sample samples[] = {
      {"422 Unprocessable Entity", "", -1},
      {"404 Not Found", "", -1},
      {"529 Overloaded", "", 0},
      {"429 Too Many Requests", "", 0},
      {"429 Too Many Requests", "Retry-After: 3\r\n", 3 * kSecond},
      {"429 Too Many Requests", "Retry-After: 1.5\r\n", 3 * kSecond / 2},
      {"503 Service Unavailable", "Retry-After: " + http_date(::time(nullptr) + 30) + "\r\n", 20 * kSecond},
      {"429 Too Many Requests", "Retry-After: 999999\r\n", 60 * kSecond},  // nobody waits for that
  };
  for (const Sample& sample : samples) {
    CAPTURE(sample.status);
    CAPTURE(sample.headers);
    FakeClock clock;
    std::atomic<int> number = 0;
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (number++ == 0) return peer.answer(sample.status, "Connection: close\r\n" + sample.headers, "{}");
      Service service(peer);
      if (!service.until_commit()) return;
      service.final("Yes.");
      service.stay();
    });
    Bench bench(server);
    bench.options.clock = &clock;
    bench.start();
    REQUIRE(bench.until([&] { return bench.recognizer->name() != "elevenlabs:scribe_v2_realtime"; }));
    CHECK(bench.recognizer->name() ==
          (sample.wait < 0 ? "elevenlabs: refuses" : "elevenlabs: no connection"));
    if (sample.wait < 0) {
      CHECK(bench.recognise(speech()).failure == FailureClass::kFatal);
      CHECK(server.connections() == 1);
      continue;
    }
    bench.recognizer->begin();
    bench.recognizer->push(speech());
    if (sample.wait > 0) {
      clock.advance(sample.wait - kMillisecond);
      (void)bench.recognizer->poll();
      CHECK(server.connections() == 1);
      clock.advance(11 * kSecond);
    }
    bench.recognizer->finish();
    CHECK(bench.answer().text == "Yes.");
    CHECK(server.connections() == 2);
  }
}

TEST_CASE("what comes late about a commit is no failure: the next words go out on the same connection") {
  std::atomic<int> turns = 0;
  WebSocketServer server([&](WebSocketPeer& peer) {
    Service service(peer);
    for (const char* late : {"commit_throttled", "input_error", "insufficient_audio_activity"}) {
      if (!service.until_commit()) return;
      service.final("Yes.");
      service.error(late);
      peer.send_frame(prot::test::Opcode::kPing, "");  // its answer comes behind what was read before it
      while (const auto frame = peer.receive())
        if (frame->opcode == prot::test::Opcode::kPong) break;
      ++turns;
    }
    service.stay();
  });
  Bench bench(server);
  for (int turn = 1; turn <= 3; ++turn) {
    CAPTURE(turn);
    CHECK(bench.recognise(speech()).text == "Yes.");
    REQUIRE(bench.until([&] { return turns == turn; }));
    CHECK_FALSE(bench.recognizer->poll().has_value());
  }
  CHECK(server.connections() == 1);
}

TEST_CASE("sessions that look odd and are right: the words come, once, on one connection") {
  Lines lines;
  WebSocketServer server([&](WebSocketPeer& peer) {
    peer.split = true;
    Service service(peer, false);
    peer.send_text(
        R"({"message_type":"session_started","config":{"keyterms":[]},"error":null,"x_new":{"y":[1]}})");
    for (int turn = 0; turn < 2; ++turn) {
      if (!service.until_commit()) return;
      peer.send_frame(prot::test::Opcode::kPing, "ping");
      peer.send_text(R"({"message_type":"a_mood","text":"cheerful"})");
      peer.send_text(R"({"message_type":"warning","warning":"take care"})");
      peer.send_frame(prot::test::Opcode::kBinary, std::string("\0\1", 2));
      peer.send_text(
          R"({"message_type":"final_transcript_with_timestamps","text":"Yes","words":null,"characters":[]})");
      peer.split = false;
      peer.send_text(R"({"message_type":"committed_transcript","text":" Yes.","error":null,"padding":")" +
                     std::string(2U << 20U, 'x') + R"("})");
      service.say("committed_transcript_entities", "Yes.");
      service.say("committed_transcript_with_timestamps", " Yes.");
    }
    service.stay();
  });
  Bench bench(server);
  for (int turn = 0; turn < 2; ++turn) CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(server.connections() == 1);
  const std::string all = lines.lines();
  CHECK(has(all, "'a_mood' is not used"));
  CHECK(all.find("a_mood") == all.rfind("a_mood"));  // said once
  CHECK_FALSE(has(all, "take care"));
  CHECK(has(lines.content(), "take care"));
}

TEST_CASE(
    "a session that is too old is replaced behind the words under way; one that fails is tried again later") {
  FakeClock clock;
  std::atomic<int> number = 0;
  std::atomic<int> open = 0;
  std::atomic<int> heard_by = 0;
  std::atomic<bool> answer = true;
  WebSocketServer server([&](WebSocketPeer& peer) {
    const int mine = ++number;
    if (mine == 2) return peer.answer("429 Too Many Requests", "Connection: close\r\n", "{}");
    Service service(peer, mine != 3);
    if (mine == 3) return service.error("resource_exhausted");
    ++open;
    while (service.until_commit()) {
      heard_by = mine;
      while (!answer && !peer.gone()) peer.hold(1);
      service.final("Yes.");
    }
    --open;
  });
  Bench bench(server);
  bench.options.clock = &clock;
  bench.options.session_limit = 60 * kSecond;
  const auto settled = [&] { return bench.recognizer->next_deadline() > clock.now() + 4 * kSecond; };
  CHECK(bench.recognise(speech()).text == "Yes.");
  for (int refused = 2; refused <= 3; ++refused) {
    CAPTURE(refused);
    clock.advance(refused == 2 ? 60 * kSecond - kMillisecond : 30 * kSecond);
    CHECK(bench.recognise(speech()).text == "Yes.");  // it is in use
    clock.advance(kMillisecond);
    REQUIRE(bench.until([&] { return number == refused && settled(); }));
    CHECK(bench.recognise(speech()).text == "Yes.");
    CHECK(heard_by == 1);
  }
  answer = false;
  clock.advance(30 * kSecond - kMillisecond);
  bench.recognizer->begin();
  bench.recognizer->push(speech());
  bench.recognizer->finish();
  clock.advance(kMillisecond);
  REQUIRE(bench.until([&] { return number == 4 && open == 2; }));
  CHECK(bench.answers.empty());
  answer = true;
  CHECK(bench.answer().text == "Yes.");
  CHECK(heard_by == 1);
  REQUIRE(bench.until([&] { return open == 1; }));
  CHECK(bench.recognise(speech()).text == "Yes.");
  CHECK(heard_by == 4);
}

TEST_CASE("what a service says may quote a key or what was said: messages and logs have names alone") {
  constexpr const char* kQuote = "You said Mungo with sk-secret";
  enum class Way { kFrame, kUnknownFrame, kClose, kHandshake };
  for (const Way way : {Way::kFrame, Way::kUnknownFrame, Way::kClose, Way::kHandshake}) {
    CAPTURE(static_cast<int>(way));
    Lines lines;
    WebSocketServer server([&](WebSocketPeer& peer) {
      if (way == Way::kHandshake)
        return peer.answer("400 Bad Request", "Connection: close\r\n",
                           R"({"detail":")" + std::string(kQuote) + "\"}");
      Service service(peer);
      if (!service.until_commit()) return;
      if (way == Way::kFrame) peer.send_text(json_of("input_error", kQuote));
      if (way == Way::kUnknownFrame) peer.send_text(json_of("Mungo sk-secret", kQuote));
      if (way == Way::kClose) peer.send_close(1011, kQuote);
      service.stay();
    });
    Bench bench(server);
    bench.options.answer_timeout = 500 * kMillisecond;
    const Recognition answer = bench.recognise(speech());
    CHECK(answer.failure != FailureClass::kNone);
    CHECK_FALSE(has(answer.text, "Mungo"));
    CHECK_FALSE(has(answer.text, "sk-secret"));
    CHECK_FALSE(has(lines.lines(), "Mungo"));
    CHECK_FALSE(has(lines.lines(), "sk-secret"));
    CHECK_FALSE(has(lines.content(), "sk-secret"));
    CHECK(has(lines.content(), "You said Mungo with ***"));  // where content may be logged
  }
}

}  // namespace prot::stt
