#include "ipc/stage_pulse.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>

using namespace prot;
using namespace prot::ipc;

TEST_CASE("who reads that a stage is awake reads when it woke, however long it had slept") {
  constexpr Nanos kSlept = kSecond;
  constexpr int kTimes = 1'000'000;
  const auto page = std::make_unique<StagePage>();
  std::atomic<Nanos> time = kSecond;
  wake_up(*page, time);
  std::atomic<bool> over = false;
  std::atomic<int> wakes = 0;
  std::thread stage([&] {
    for (; !over; ++wakes) {
      fall_asleep(*page);
      time += kSlept;
      for (int still = 0; still < 100; ++still) static_cast<void>(time.load());  // so that somebody looks
      wake_up(*page, time);
      time += kMillisecond;
    }
  });
  Nanos oldest = 0;
  for (int awake = 0; awake < kTimes || wakes < kTimes;) {
    const Nanos now = time;
    const StagePulse pulse = read_pulse(*page);
    if (pulse.asleep) continue;
    ++awake;
    oldest = std::max(oldest, now - pulse.heartbeat);
  }
  over = true;
  stage.join();
  CHECK(oldest < kSlept);
}
