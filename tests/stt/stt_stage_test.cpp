#include "stt/stt_stage.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>

#include "tests/support/private_run.hpp"
#include "wire/pause_words.hpp"

namespace prot::stt {
namespace {

/// What the stage asked of its engine, and the answers that the test has ready; outlives the stages.
struct Engine {
  std::string calls;
  std::uint64_t samples = 0;  // pushed since begin
  bool guesses = true;
  bool busy = false;
  std::deque<Recognition> answers;

  void answer(bool final, std::string text, FailureClass failure = FailureClass::kNone) {
    answers.push_back({final, std::move(text), failure, samples, 5 * kSecond, 6 * kSecond});
  }
};

class FakeRecognizer final : public SpeechRecognizer {
 public:
  explicit FakeRecognizer(Engine& engine) : engine_(engine) {}
  void begin() override { call("begin"), engine_.samples = 0, engine_.answers.clear(); }
  void push(std::span<const std::int16_t> samples) override { engine_.samples += samples.size(); }
  bool guess() override { return call("guess"), engine_.guesses; }
  void retract() override { call("retract"), engine_.answers.clear(); }
  void finish() override { call("finish"); }
  void set_busy(bool busy) noexcept override { engine_.busy = busy; }
  std::optional<Recognition> poll() override {
    if (engine_.answers.empty()) return std::nullopt;
    Recognition answer = engine_.answers.front();
    engine_.answers.pop_front();
    return answer;
  }
  std::string_view name() const noexcept override { return "fake"; }

 private:
  void call(const char* what) { engine_.calls += (engine_.calls.empty() ? "" : " ") + std::string(what); }
  Engine& engine_;
};

struct Bench {
  FakeClock clock{100 * kSecond};
  test::PrivateRun run;
  Engine engine;
  std::unique_ptr<stage::StageContext> context;
  std::unique_ptr<SttStage> stage;
  std::uint64_t sample = 0;

  explicit Bench(std::vector<std::string> overrides = {},
                 const std::map<std::string, std::uint64_t>& capacities = {})
      : run("stt", clock, std::move(overrides), capacities) {
    restart();
  }
  void restart() {
    kill();
    context = run.attach();
    stage = std::make_unique<SttStage>(*context, std::make_unique<FakeRecognizer>(engine));
    stage->start();
  }
  void kill() {
    stage.reset();
    context.reset();
  }
  void settle() {
    // A stage that calls waiting work would spin here for ever.
    int cycles = 0;
    while (stage->do_work(clock.now()) > 0) REQUIRE(++cycles < 1000);
  }

  template <typename Frame>
  void send(std::uint32_t utterance, const Frame& frame, std::span<const std::int16_t> samples = {}) {
    REQUIRE(wire::send(run.into("mic"), frame, wire::as_bytes(samples),
                       {.turn = utterance, .made_ns = time_of(sample)}) == ipc::PublishResult::kOk);
  }
  static Nanos time_of(std::uint64_t index) { return kSecond + static_cast<Nanos>(index) * 62'500; }
  void begin(std::uint32_t utterance) { send(utterance, wire::MicStart{sample, time_of(sample), 0, 0}); }
  void audio(std::uint32_t utterance, int windows, bool speech, std::uint32_t missing = 0) {
    const std::vector<std::int16_t> samples(wire::kMicWindow, 1);
    for (int i = 0; i < windows; ++i) {
      send(utterance, wire::MicAudio{sample, speech ? 0.9F : 0.1F, missing, speech ? 1U : 0U, 0}, samples);
      sample += wire::kMicWindow;
    }
  }
  void pause(std::uint32_t utterance) { send(utterance, wire::MicPause{77}); }
  void end(std::uint32_t utterance, bool confirmed = true) {
    send(utterance, wire::MicEnd{11, 22, 33, confirmed ? 1U : 0U, 352, 0.75F});
  }
  /// A whole utterance, all at once.
  void utterance(std::uint32_t number) {
    begin(number), audio(number, 10, true), audio(number, 6, false), pause(number);
    audio(number, 11, false), end(number);
  }
  /// "partial1:text final1:text eos": what came out of `transcript`.
  std::string transcripts();
  wire::Transcript last{};
};

std::string Bench::transcripts() {
  constexpr const char* kNames[] = {"", "partial", "final", "failed"};
  std::string out;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("transcript").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    out += out.empty() ? "" : " ";
    if (wire::decode(info, payload, last, tail))
      out += std::string(kNames[static_cast<int>(last.what)]) + std::to_string(info.turn) + ":" +
             std::string(wire::as_text(tail));
    else
      out += "eos";
    run.from("transcript").release();
  }
  return out;
}

TEST_CASE("a guess at the pause becomes the final transcript when only silence follows") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.audio(1, 6, false), bench.pause(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.engine.samples == 16 * wire::kMicWindow);
  bench.engine.answer(false, "hello");
  bench.settle();
  CHECK(bench.transcripts() == "partial1:hello");
  CHECK(bench.last.end_decided_ns == 0);
  CHECK(bench.last.end_wait_ms == 0);
  const auto words = wire::PauseWords::unpacked(bench.run.counter("pause_words"));
  CHECK(words.utterance == 1);
  CHECK(words.pause == 1);
  CHECK(words.ending == wire::Ending::kUnknown);
  CHECK(bench.last.end_probability == wire::kNoProbability);
  bench.audio(1, 11, false), bench.end(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.transcripts() == "final1:hello");
  CHECK(bench.last.speech_start_ns == 11);
  CHECK(bench.last.speech_end_ns == 22);
  CHECK(bench.last.end_decided_ns == 33);
  CHECK(bench.last.end_wait_ms == 352);
  CHECK(bench.last.end_probability == 0.75F);
  CHECK(bench.last.decode_start_ns == 5 * kSecond);
  CHECK(bench.last.decode_end_ns == 6 * kSecond);
  CHECK(bench.last.audio_ms == 512);
  CHECK(bench.run.counter("guesses_used") == 1);
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a guess that is still being decoded at the end is waited for") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
  bench.settle();
  bench.end(1);
  bench.settle();
  CHECK(bench.transcripts().empty());
  bench.engine.answer(false, "late");
  bench.settle();
  CHECK(bench.engine.calls == "begin guess");
  CHECK(bench.transcripts() == "final1:late");
}

TEST_CASE("speech after the pause takes the guess back") {
  for (const bool answered : {false, true}) {
    Bench bench;
    bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
    bench.settle();
    if (answered) bench.engine.answer(false, "half");
    bench.settle();
    bench.audio(1, 5, true);
    bench.settle();
    bench.end(1);
    bench.settle();
    CHECK(bench.engine.calls == "begin guess retract finish");
    bench.engine.answer(true, "half and whole");
    bench.settle();
    CHECK(bench.transcripts() ==
          (answered ? "partial1:half final1:half and whole" : "final1:half and whole"));
  }
}

TEST_CASE("no guess is made on a pause that is already over, nor when partials are off") {
  Bench late;
  late.utterance(1);
  late.settle();
  CHECK(late.engine.calls == "begin finish");
  Bench off({"stt.partials=false"});
  off.begin(1), off.audio(1, 10, true), off.pause(1);
  off.settle();
  CHECK(off.engine.calls == "begin");
}

TEST_CASE("an engine that does not guess is asked at the end") {
  Bench bench;
  bench.engine.guesses = false;
  bench.begin(1), bench.audio(1, 10, true), bench.pause(1);
  bench.settle();
  bench.end(1);
  bench.settle();
  CHECK(bench.engine.calls == "begin guess finish");
}

TEST_CASE("silence reaches the engine only as far as it helps, or when speech follows") {
  Bench bench;
  bench.begin(1), bench.audio(1, 8, false), bench.audio(1, 10, true), bench.audio(1, 16, false);
  bench.settle();
  CHECK(bench.engine.samples == (8 + 10 + 6) * wire::kMicWindow);
  bench.audio(1, 1, true);
  bench.settle();
  CHECK(bench.engine.samples == (8 + 10 + 16 + 1) * wire::kMicWindow);
}

TEST_CASE("lost audio is bridged with silence, up to a second") {
  Bench bench;
  bench.begin(1), bench.audio(1, 1, true, 1024), bench.audio(1, 1, true, 100'000);
  bench.settle();
  CHECK(bench.engine.samples == 1024 + 16'000 + 2 * wire::kMicWindow);
}

TEST_CASE("frames stay in the ring until the final transcript is out") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  CHECK(bench.run.into("mic").used() > 27 * 1024);
  bench.engine.answer(true, "x");
  bench.settle();
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a killed stt recognises again what had no final transcript, and nothing else") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "one");
  bench.settle();
  bench.utterance(2);
  bench.settle();
  bench.restart();
  CHECK(bench.transcripts() == "final1:one");
  bench.engine.calls.clear();
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  bench.engine.answer(true, "two");
  bench.settle();
  bench.restart();
  bench.settle();
  CHECK(bench.transcripts() == "final2:two");
}

TEST_CASE("a stt that is killed between transcript and release does not repeat the transcript") {
  Bench bench;
  bench.utterance(1);
  bench.kill();
  // The predecessor as it was just after the tail store: frame and sources are there, nothing is released.
  auto context = bench.run.attach();
  wire::SendOptions options{.turn = 1};
  options.sources.seq[context->input_index("mic")] = 1 + 1 + 10 + 6 + 1 + 11;
  CHECK(wire::send(context->output("transcript"),
                   wire::Transcript{wire::TranscriptKind::kFinal, 0, 0, 0, 0, 0, 0}, {},
                   options) == ipc::PublishResult::kOk);
  context.reset();
  bench.restart();
  bench.settle();
  CHECK(bench.engine.calls.empty());
  CHECK(bench.run.into("mic").used() == 0);
  CHECK(bench.transcripts() == "final1:");
}

TEST_CASE("an utterance in which nothing was said leaves no trace") {
  Bench bench;
  bench.begin(1), bench.audio(1, 3, true), bench.end(1, false);
  bench.settle();
  CHECK(bench.transcripts().empty());
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("an utterance whose end is missing ends where the next begins") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.utterance(2);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  bench.engine.answer(true, "one");
  bench.settle();
  CHECK(bench.transcripts() == "final1:one");
  CHECK(bench.last.speech_end_ns == Bench::time_of(10 * wire::kMicWindow));
  bench.engine.answer(true, "two");
  bench.settle();
  CHECK(bench.transcripts() == "final2:two");
}

TEST_CASE("a restarted capture's end has no times: those of the audio count") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true), bench.audio(1, 3, false);
  bench.send(1, wire::MicEnd{0, 0, 33, 1, 0});
  bench.settle();
  bench.engine.answer(true, "x");
  bench.settle();
  (void)bench.transcripts();
  CHECK(bench.last.speech_start_ns == Bench::time_of(0));
  CHECK(bench.last.speech_end_ns == Bench::time_of(10 * wire::kMicWindow));
}

TEST_CASE("a failure is tried once more, then told") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "out of memory", FailureClass::kRetry);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish finish");
  bench.engine.answer(true, "out of memory", FailureClass::kRetry);
  bench.settle();
  CHECK(bench.transcripts() == "failed1:out of memory");
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a service that asks for time gets it, up to what a person waits") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  bench.engine.answer(true, "HTTP 429", FailureClass::kRetry);
  bench.engine.answers.back().retry_after = kSecond;
  bench.settle();
  CHECK(bench.engine.calls == "begin finish");
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + kSecond);
  bench.clock.advance(kSecond);
  bench.settle();
  CHECK(bench.engine.calls == "begin finish finish");
  bench.engine.answer(true, "now");
  bench.settle();
  CHECK(bench.transcripts() == "final1:now");
  bench.utterance(2);
  bench.settle();
  bench.engine.answer(true, "HTTP 429", FailureClass::kRetry);
  bench.engine.answers.back().retry_after = 3 * kSecond;
  bench.settle();
  CHECK(bench.transcripts() == "failed2:HTTP 429");
}

TEST_CASE("frames that are cut off are no samples, and the next utterance is whole") {
  Bench bench;
  bench.begin(1);
  const std::array<std::byte, 3> odd{};  // one sample and a half
  REQUIRE(wire::send(bench.run.into("mic"), wire::MicAudio{0, 0.9F, 0, 1, 0}, odd,
                     {.turn = 1, .made_ns = kSecond}) == ipc::PublishResult::kOk);
  ipc::FrameInfo info;
  info.kind = static_cast<std::uint8_t>(wire::Kind::kMicAudio);
  info.version = wire::MicAudio::kVersion;
  info.turn = 1;
  REQUIRE(bench.run.into("mic").publish(info, odd, {}, {}) == ipc::PublishResult::kOk);  // half a head
  bench.settle();
  CHECK(bench.engine.samples == 1);
  bench.end(1), bench.settle();
  bench.engine.answer(true, "x"), bench.settle();
  bench.utterance(2), bench.settle();
  bench.engine.answer(true, "y"), bench.settle();
  CHECK(bench.transcripts() == "final1:x final2:y");
}

TEST_CASE("an engine that never answers is given up") {
  Bench bench;
  bench.utterance(1);
  bench.settle();
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + 20 * kSecond);
  bench.clock.advance(20 * kSecond);
  bench.settle();
  CHECK(bench.transcripts() == "failed1:the recogniser gave no answer");
}

TEST_CASE("a final transcript that finds no room is offered again, and the speech behind it waits") {
  Bench bench({}, {{"transcript", 64 * 1024}});
  const std::string text(15'000, 'x');
  int sent = 0;
  for (std::uint32_t number = 1; number <= 6; ++number) {
    bench.utterance(number);
    bench.settle();
    bench.engine.answer(true, text);
    bench.settle();
    sent = static_cast<int>(number);
    if (bench.run.into("mic").used() > 0) break;
  }
  REQUIRE(sent < 6);  // the last one waits
  const std::string first = bench.transcripts();
  bench.settle();
  const std::string second = bench.transcripts();
  CHECK(second == "final" + std::to_string(sent) + ":" + text);
  CHECK(bench.run.into("mic").used() == 0);
  CHECK(std::count(first.begin(), first.end(), ':') == sent - 1);
}

TEST_CASE("a transcript that nobody will ever read does not hold up the rest") {
  Bench bench({}, {{"transcript", 64 * 1024}});
  bench.run.close_consumer("transcript");
  for (std::uint32_t number = 1; number <= 8; ++number) {
    bench.utterance(number);
    bench.settle();
    bench.engine.answer(true, std::string(15'000, 'x'));
    bench.settle();
    CHECK(bench.run.into("mic").used() == 0);
  }
}

TEST_CASE("the end of the stream is forwarded after the last transcript") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.send(0, wire::EndOfStream{});
  bench.settle();
  CHECK_FALSE(bench.stage->finished());
  bench.engine.answer(true, "last");
  bench.settle();
  CHECK(bench.transcripts() == "final1:last eos");
  CHECK(bench.stage->finished());
  CHECK(bench.run.into("mic").used() == 0);
}

TEST_CASE("a capture that is gone for good counts as the end of the stream") {
  Bench bench;
  bench.begin(1), bench.audio(1, 10, true);
  bench.settle();
  bench.run.close_producer("mic");
  bench.settle();
  bench.engine.answer(true, "last");
  bench.settle();
  CHECK(bench.transcripts() == "final1:last eos");
  CHECK(bench.stage->finished());
}

TEST_CASE("the engine is told when the language model is at work") {
  Bench bench;
  bench.run.board_of("brain").conversation().state.store(
      static_cast<std::uint32_t>(ipc::ConversationState::kSpeaking));
  bench.utterance(1);
  bench.settle();
  CHECK(bench.engine.busy);
}

}  // namespace
}  // namespace prot::stt
