#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stt/stt_stage.hpp"
#include "tests/support/private_run.hpp"

/// The stage of stt by hand: the test is capture, engine, brain and clock.
namespace prot::stt {

/// What the stage asked of its engine, and the answers that the test has ready; outlives the stages.
struct Engine {
  std::string calls;
  std::uint64_t samples = 0;  // pushed since begin
  bool guesses = true;
  bool busy = false;
  std::vector<std::string> expected;
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
  void expect(const std::vector<std::string>& names) override { engine_.expected = names; }
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

inline std::string Bench::transcripts() {
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

}  // namespace prot::stt
