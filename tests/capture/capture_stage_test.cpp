#include "capture/capture_stage.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <optional>
#include <sstream>
#include <string>

#include "tests/capture/fake_end_of_turn_model.hpp"
#include "tests/support/private_run.hpp"
#include "wire/pause_words.hpp"
#include "wire/speech_out.hpp"

namespace prot::capture {
namespace {

constexpr std::int16_t kLoud = 1000;
constexpr std::int16_t kQuiet = 100;
constexpr Nanos kWindowTime = 32 * kMillisecond;

/// A device that the test plays; owned by the stage, so the state is shared.
struct Device {
  std::deque<Window> windows;
  FeedStatus status{"fake", false, 0, 0};
  std::uint64_t revision = 1;
  bool closed = false;
  bool patient = false;
};

class FakeFeed final : public WindowFeed {
 public:
  explicit FakeFeed(Device& device) : device_(device) {}
  void start(bool patient) override {
    device_.patient = patient;
    device_.status.open = true;
    ++device_.revision;
  }
  bool pop(Window& window) noexcept override {
    if (device_.windows.empty()) return false;
    window = device_.windows.front();
    device_.windows.pop_front();
    return true;
  }
  FeedStatus status() const override { return device_.status; }
  std::uint64_t revision() const noexcept override { return device_.revision; }
  void close() noexcept override { device_.closed = true; }
  bool closed() const noexcept override { return device_.closed; }

 private:
  Device& device_;
};

/// Loud is speech.
class FakeDetector final : public VoiceDetector {
 public:
  float probability(std::span<const std::int16_t> window) noexcept override {
    return window[0] >= kLoud ? 0.7F : 0.1F;
  }
  void reset() noexcept override {}
  std::string_view name() const noexcept override { return "fake"; }
};

struct Bench {
  FakeClock clock{100 * kSecond};
  test::PrivateRun run;
  Device device;
  std::optional<ModelHandle> model;  // set before restart(): the stage has one
  std::unique_ptr<stage::StageContext> context;
  std::unique_ptr<CaptureStage> stage;
  std::uint64_t next_sample = 16'000'000;

  explicit Bench(std::vector<std::string> overrides = {},
                 const std::map<std::string, std::uint64_t>& capacities = {})
      : run("capture", clock, with_wait(std::move(overrides)), capacities) {
    restart();
  }
  static std::vector<std::string> with_wait(std::vector<std::string> overrides) {
    overrides.emplace_back("capture.end_of_turn_ms=550");
    return overrides;
  }
  void restart() {
    stage.reset();
    context.reset();
    device.closed = false;
    context = run.attach();
    stage = std::make_unique<CaptureStage>(
        *context, std::make_unique<FakeFeed>(device), std::make_unique<FakeDetector>(),
        model ? std::make_unique<FakeEndOfTurnModel>(*model) : std::unique_ptr<EndOfTurnModel>());
    stage->start();
  }
  void settle() {
    while (stage->do_work(clock.now()) > 0) {
    }
  }
  /// Windows of one loudness, each at its time.
  void play(int count, std::int16_t loudness) {
    for (int i = 0; i < count; ++i) {
      clock.advance(kWindowTime);
      Window window;
      window.samples.fill(loudness);
      window.first_sample = next_sample;
      window.samples[1] = static_cast<std::int16_t>(next_sample / wire::kMicWindow % 30000);
      window.at = clock.now();
      window.opening = 1;
      next_sample += wire::kMicWindow;
      device.windows.push_back(window);
      settle();
    }
  }
  /// "start3 audio:17 pause3 end3": what came out of `mic`.
  std::string mic();
  /// "started3 confirmed3": what came out of `hearing`.
  std::string hearing();

  wire::MicStart start{};
  wire::MicEnd end{};
  std::vector<wire::MicAudio> audio;
  std::vector<std::int16_t> marks;  // samples[1] of each window
  std::vector<Nanos> times;
};

std::string Bench::mic() {
  std::string out;
  int windows = 0;
  const auto flush_audio = [&] {
    if (windows > 0) out += " audio:" + std::to_string(windows);
    windows = 0;
  };
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("mic").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    wire::MicAudio head{};
    wire::MicPause pause{};
    wire::EndOfStream last{};
    const std::string number = std::to_string(info.turn);
    if (wire::decode(info, payload, head, tail)) {
      ++windows;
      audio.push_back(head);
      std::int16_t mark = 0;
      std::memcpy(&mark, tail.data() + 2, 2);
      marks.push_back(mark);
      times.push_back(info.made_ns);
    } else {
      flush_audio();
      if (wire::decode(info, payload, start, tail)) out += " start" + number;
      if (wire::decode(info, payload, pause, tail)) out += " pause" + number;
      if (wire::decode(info, payload, end, tail)) out += (end.confirmed != 0 ? " end" : " discard") + number;
      if (wire::decode(info, payload, last, tail)) out += " eos";
    }
    run.from("mic").release();
  }
  flush_audio();
  return out.empty() ? out : out.substr(1);
}

std::string Bench::hearing() {
  constexpr const char* kNames[] = {"", "started", "confirmed", "paused", "ended", "discarded"};
  std::string out;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (run.from("hearing").peek(info, payload) == ipc::TakeResult::kFrame) {
    std::span<const std::byte> tail;
    wire::Hearing head{};
    const bool is_mark = wire::decode(info, payload, head, tail);
    out += is_mark ? std::string(" ") + kNames[static_cast<int>(head.what)] + std::to_string(info.turn)
                   : std::string(" eos");
    run.from("hearing").release();
  }
  return out.empty() ? out : out.substr(1);
}

TEST_CASE("an utterance goes out with its pre-roll, pause and end") {
  Bench bench;
  bench.play(20, kQuiet);
  CHECK(bench.mic().empty());
  const std::uint64_t speech = bench.next_sample;
  bench.play(10, kLoud);
  bench.play(20, kQuiet);

  CHECK(bench.mic() == "start1 audio:24 pause1 audio:11 end1");
  CHECK(bench.hearing() == "started1 confirmed1 paused1 ended1");
  CHECK(bench.start.first_sample == speech - 8 * wire::kMicWindow);
  CHECK(bench.start.pre_roll_samples == 8 * wire::kMicWindow);
  for (std::size_t i = 0; i < bench.audio.size(); ++i) {
    const std::uint64_t sample = bench.start.first_sample + i * wire::kMicWindow;
    CHECK(bench.audio[i].first_sample == sample);
    CHECK(bench.marks[i] == static_cast<std::int16_t>(sample / wire::kMicWindow % 30000));
    CHECK(bench.audio[i].is_speech == (i >= 8 && i < 18 ? 1 : 0));
  }
  const Nanos began = 100 * kSecond + 20 * kWindowTime;
  CHECK(bench.start.speech_start_ns == began);
  CHECK(bench.times.front() == began - 8 * kWindowTime);
  CHECK(bench.end.speech_start_ns == began);
  CHECK(bench.end.speech_end_ns == began + 10 * kWindowTime);
  CHECK(bench.end.decided_ns == began + 27 * kWindowTime);
  CHECK(bench.end.wait_ms == 17 * 32);
  CHECK(bench.end.probability == wire::kNoProbability);
}

TEST_CASE("the end-of-turn model grades the wait, and the end says so") {
  Bench bench;
  bench.model.emplace();
  bench.restart();
  const auto say = [&](float probability) {
    bench.model->answers = {probability};
    bench.play(20, kLoud);
    bench.play(6, kQuiet);
    CHECK(bench.model->samples == (8 + 26) * wire::kMicWindow);  // pre-roll, speech and the pause
    bench.play(50, kQuiet);
  };
  bench.play(20, kQuiet);
  say(0.9F);
  CHECK(bench.mic() == "start1 audio:34 pause1 audio:11 end1");
  CHECK(bench.end.wait_ms == 17 * 32);
  CHECK(bench.end.probability == 0.9F);
  say(0.1F);
  CHECK(bench.mic() == "start2 audio:34 pause2 audio:41 end2");
  CHECK(bench.end.wait_ms == 47 * 32);
  CHECK(bench.end.probability == 0.1F);
  CHECK(bench.run.counter("end_wait_ms") == 47 * 32);
  CHECK(bench.run.counter("end_probability_pct") == 10);
  CHECK(bench.run.counter("end_answers") == 2);
}

TEST_CASE("the words of a pause end the turn, or hold it open") {
  Bench bench;
  ipc::Board& stt = bench.run.board_of("stt");
  ipc::Word& page = stt.counter(static_cast<std::size_t>(stt.find("stt")), wire::kPauseWordsLabel);
  const auto say = [&](const wire::PauseWords& words) {
    bench.play(20, kLoud);
    bench.play(12, kQuiet);
    page.store(words.packed());
    bench.play(48, kQuiet);
    (void)bench.mic();
    return bench.end.wait_ms / 32;
  };
  using enum wire::Ending;
  bench.play(20, kQuiet);
  CHECK(say({1, 1, kComplete}) == 13);
  CHECK(say({2, 1, kGoesOn}) == 47);
  CHECK(say({3, 2, kComplete}) == 30);  // of another pause: it is waited for, and does not come
  CHECK(say({4, 1, kUnknown}) == 17);
  for (int i = 0; i < 3; ++i) CHECK(say({4, 1, kComplete}) == 30);
  CHECK(say({4, 1, kComplete}) == 17);  // it has not answered for long
}

TEST_CASE("a pause that the person went on after is remembered, by a restarted capture too") {
  Bench bench;
  const auto wait_after_turn = [&] {
    bench.play(20, kLoud);
    bench.play(60, kQuiet);
    (void)bench.mic();
    return bench.end.wait_ms;
  };
  bench.play(20, kQuiet);
  const std::uint32_t before = wait_after_turn();
  for (int i = 0; i < 8; ++i) {
    bench.play(20, kLoud);
    bench.play(16, kQuiet);
  }
  const std::uint32_t after = wait_after_turn();
  CHECK(after > before);
  CHECK(bench.run.counter("pause_mean_ms") > 400);
  bench.restart();
  CHECK(wait_after_turn() == after);
}

TEST_CASE("noise that does not end is cut once, and leaves the person's next word alone") {
  Bench bench({"capture.max_utterance_ms=3200"});
  bench.play(150, kLoud);
  CHECK(bench.mic() == "start1 audio:100 end1");
  CHECK(bench.hearing() == "started1 confirmed1 ended1");
  CHECK(bench.run.counter("turns_capped") == 1);
  bench.play(8, kQuiet);
  bench.play(10, kLoud);
  CHECK(bench.mic().starts_with("start2"));
}

TEST_CASE("too little speech is told and taken back") {
  Bench bench;
  bench.play(20, kQuiet);
  bench.play(3, kLoud);
  bench.play(20, kQuiet);
  CHECK(bench.mic() == "start1 audio:17 discard1");
  CHECK(bench.hearing() == "started1 discarded1");
}

TEST_CASE("while prot speaks, only strong speech counts, unless the person wears headphones") {
  for (const bool headphones : {false, true}) {
    Bench bench({std::string("player.headphones=") + (headphones ? "true" : "false")});
    bench.run.board_of("brain").conversation().state.store(
        static_cast<std::uint32_t>(ipc::ConversationState::kSpeaking));
    bench.play(10, kLoud);
    CHECK(bench.mic().empty() == !headphones);
  }
}

TEST_CASE("what the loudspeaker says raises the threshold for a moment") {
  Bench bench;
  std::vector<std::int16_t> samples(480, 20000);
  const wire::Echo head{24000, 480};
  (void)wire::send(bench.run.into("echo"), head, wire::as_bytes(samples), {.made_ns = bench.clock.now()});
  bench.play(5, kLoud);
  CHECK(bench.mic().empty());
  bench.play(10, kQuiet);
  bench.play(5, kLoud);
  CHECK_FALSE(bench.mic().empty());
}

TEST_CASE("a restarted capture ends what its predecessor left open and counts on") {
  Bench bench;
  bench.play(10, kLoud);
  bench.restart();
  CHECK(bench.device.patient);
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.hearing() == "started1 confirmed1 ended1");
  CHECK(bench.end.speech_end_ns == 0);
  bench.play(10, kLoud);
  CHECK(bench.mic() == "start2 audio:10");
  bench.run.board_of("brain").conversation().utterance.store(40);
  bench.restart();
  bench.play(10, kLoud);
  CHECK(bench.mic() == "end2 start41 audio:10");
}

TEST_CASE("a lost device ends the utterance, and the next one opens anew") {
  Bench bench;
  bench.play(10, kLoud);
  bench.device.status.open = false;
  ++bench.device.status.lost;
  ++bench.device.revision;
  bench.settle();
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.run.counter("device_lost") == 1);
  bench.device.status.open = true;
  ++bench.device.revision;
  bench.clock.advance(10 * kSecond);
  bench.play(10, kLoud);
  CHECK(bench.mic() == "start2 audio:10");
}

TEST_CASE("a device that falls silent ends the utterance") {
  Bench bench;
  bench.play(10, kLoud);
  CHECK(bench.stage->next_deadline(bench.clock.now()) == bench.clock.now() + 2 * kSecond);
  bench.clock.advance(2 * kSecond);
  bench.settle();
  CHECK(bench.mic() == "start1 audio:10 end1");
  CHECK(bench.run.counter("device_stalls") == 1);
}

TEST_CASE("a drain ends the utterance, closes the device and the streams") {
  Bench bench;
  bench.play(10, kLoud);
  bench.run.set_drain(ipc::Drain::kGraceful);
  bench.settle();
  CHECK(bench.device.closed);
  CHECK(bench.stage->finished());
  CHECK(bench.mic() == "start1 audio:10 end1 eos");
  CHECK(bench.hearing() == "started1 confirmed1 ended1 eos");
}

TEST_CASE("a full ring costs audio, never the end of an utterance that was begun") {
  Bench bench({}, {{"mic", 64 * 1024}});
  const auto speak = [&] {
    bench.play(60, kLoud);
    bench.play(50, kQuiet);  // too long for a pause that is learned from
  };
  for (int i = 0; i < 8; ++i) speak();
  const std::string full = bench.mic();
  CHECK(full.starts_with("start1 audio:"));
  speak();
  const std::string all = full + " " + bench.mic();
  CHECK(all.ends_with("end9"));
  // Begin and end alternate, with the same number.
  std::istringstream words(all);
  std::string open;
  for (std::string word; words >> word;) {
    if (word.starts_with("start")) {
      CHECK(open.empty());
      open = word.substr(5);
    } else if (word.starts_with("end")) {
      CHECK(word.substr(3) == open);
      open.clear();
    }
  }
  CHECK(bench.hearing().ends_with("ended9"));
}

TEST_CASE("audio that was lost is counted in the next frame") {
  Bench bench({}, {{"mic", 64 * 1024}});
  bench.play(100, kLoud);
  const std::size_t before = [&] {
    (void)bench.mic();
    return bench.audio.size();
  }();
  bench.play(1, kLoud);
  (void)bench.mic();
  REQUIRE(bench.audio.size() == before + 1);
  CHECK(bench.audio.back().missing_samples == (100 - before) * wire::kMicWindow);
}

TEST_CASE("silence of a muted device is not given to the detector") {
  Bench bench;
  bench.play(10, 0);
  CHECK(bench.mic().empty());
  CHECK(bench.run.counter("windows") == 10);
}

}  // namespace
}  // namespace prot::capture
