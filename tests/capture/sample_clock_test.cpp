#include "capture/sample_clock.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "wire/speech_in.hpp"

namespace prot::capture {
namespace {

constexpr std::uint64_t kWindow = wire::kMicWindow;

/// A device whose crystal is off by `ppm` and whose windows arrive up to `jitter` too late.
struct Device {
  double ppm;
  Nanos jitter;
  std::mt19937 random{1};
  Nanos origin = 1000 * kSecond;
  std::uint64_t end = 0;

  Nanos true_time(std::uint64_t sample) const {
    return origin + std::llround(static_cast<double>(sample) * 62500.0 * (1 + ppm / 1e6));
  }
  void deliver(SampleClock& clock, Nanos late = 0) {
    end += kWindow;
    clock.observe(end, arrival(end) + late);
  }
  Nanos arrival(std::uint64_t sample) {
    return true_time(sample) +
           (jitter > 0 ? static_cast<Nanos>(random() % static_cast<std::uint64_t>(jitter)) : 0);
  }
};

TEST_CASE("times follow the crystal, not the jitter of arrivals") {
  for (const double ppm : {-100.0, 0.0, 100.0}) {
    CAPTURE(ppm);
    Device device{ppm, 8 * kMillisecond};
    SampleClock clock(wire::kMicRate);
    Nanos last = 0;
    double worst_step = 0;
    double worst_error = 0;
    for (int window = 0; window < 31 * 60; ++window) {
      device.deliver(clock);
      const std::uint64_t end = device.end;
      const Nanos time = clock.time_of(end - kWindow);
      REQUIRE(time > last);
      if (window > 31 * 20) {
        worst_step = std::max(worst_step, std::abs(static_cast<double>(time - last) - 32e6));
        // The mean lateness cannot be told from the device's latency.
        const Nanos expected = device.true_time(end - kWindow) + device.jitter / 2;
        worst_error = std::max(worst_error, std::abs(static_cast<double>(time - expected)));
      }
      last = time;
    }
    CHECK(worst_step < 0.4e6);
    CHECK(worst_error < 1.5e6);
    CHECK(clock.jumps() == 0);
  }
}

TEST_CASE("one very late thread hardly moves the clock") {
  Device device{0, 0};
  SampleClock clock(wire::kMicRate);
  for (int i = 0; i < 300; ++i) device.deliver(clock);
  device.deliver(clock, 150 * kMillisecond);
  CHECK(std::abs(clock.time_of(device.end) - device.true_time(device.end)) < kMillisecond);
}

TEST_CASE("lost samples anchor the clock anew") {
  Device device{0, 0};
  SampleClock clock(wire::kMicRate);
  for (int i = 0; i < 100; ++i) device.deliver(clock);
  device.origin += 3 * kSecond;
  device.deliver(clock);
  CHECK(clock.jumps() == 1);
  CHECK(clock.time_of(device.end) == device.true_time(device.end));
}

TEST_CASE("before the first window there is no time") {
  SampleClock clock(wire::kMicRate);
  CHECK(clock.time_of(0) == 0);
  clock.observe(kWindow, kSecond);
  CHECK(clock.time_of(0) == kSecond - 32 * kMillisecond);
  clock.restart();
  CHECK(clock.time_of(0) == 0);
}

}  // namespace
}  // namespace prot::capture
