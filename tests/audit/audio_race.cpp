// The audio threads of capture and player under a race detector (F10): what they share with the loop is a
// queue, a bell and words of the board. Their sources are built with it; what they call in libraries is not.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "capture/audio_thread.hpp"
#include "player/audio_thread.hpp"

using namespace prot;

namespace {

constexpr int kWindows = 3000;
std::atomic<int> reports{0};

class QuickSource final : public capture::PcmSource {
 public:
  void start() override {}
  bool read(std::span<std::int16_t> samples) override {
    std::fill(samples.begin(), samples.end(), std::int16_t{7});
    std::this_thread::yield();
    return ++windows_ % 1000 != 0;  // now and then it is lost
  }
  Nanos latency() override { return 0; }
  std::string name() const override { return "quick"; }

 private:
  int windows_ = 0;
};

class QuickSink final : public player::PcmSink {
 public:
  void start() override {}
  void write(std::span<const std::int16_t> samples) override { sum_ += samples.empty() ? 0 : samples[0]; }
  Nanos latency() override { return 0; }
  void drain() override {}
  void flush() override {}
  unsigned rate() const noexcept override { return 24'000; }
  std::string name() const override { return "quick"; }

 private:
  long sum_ = 0;
};

bool hear() {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  capture::AudioThread thread([] { return std::make_unique<QuickSource>(); }, bell);
  thread.start(false);
  capture::Window window;
  bool right = true;
  for (int taken = 0; taken < kWindows;) {
    if (!thread.pop(window)) {
      std::this_thread::yield();
      continue;
    }
    right = right && window.samples[0] == 7 && window.samples[window.samples.size() - 1] == 7;
    if (++taken % 100 == 0) static_cast<void>(thread.status());
  }
  thread.close();
  return right;
}

bool play() {
  const SteadyClock clock;
  ipc::ConversationPage page{};
  const ipc::Doorbell bell = ipc::Doorbell::create();
  const auto playout = std::make_shared<player::Playout>([] { return std::make_unique<QuickSink>(); }, 24'000,
                                                         page, bell, clock);
  player::AudioThread thread(playout);
  static_cast<void>(thread.start(false));
  const std::vector<std::int16_t> sound(240, 1000);
  player::Report report;
  const Nanos until = clock.now() + 10 * kSecond;
  std::uint32_t turn = 1;
  for (; turn <= 1000 && clock.now() < until; ++turn) {
    while (playout->pop(report)) {
    }
    if (playout->queue().room() < 8) std::this_thread::yield();
    for (int i = 0; i < 8 && playout->queue().room() > 0; ++i) playout->push(turn, sound);
    if (turn % 10 == 0) page.cancelled_turn.store(turn, std::memory_order_release);
    playout->poke();
  }
  thread.stop(false);
  return turn > 1000;
}

}  // namespace

// Called by the detector for each race.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" void __tsan_on_report(void*) { ++reports; }
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" const char* __tsan_default_options() { return "exitcode=0"; }

int main() {
  const bool right = hear() && play();
  std::printf("%d races reported; sound %s\n", reports.load(), right ? "right" : "WRONG");
  return reports == 0 && right ? 0 : 1;
}
