#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capture/capture_stage.hpp"
#include "tests/capture/fake_end_of_turn_model.hpp"
#include "tests/support/private_run.hpp"

/// The stage of capture by hand: the test is microphone, detector, model and clock.
namespace prot::capture {

inline constexpr std::int16_t kLoud = 1000;
inline constexpr std::int16_t kQuiet = 100;
inline constexpr Nanos kWindowTime = 32 * kMillisecond;

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

}  // namespace prot::capture
