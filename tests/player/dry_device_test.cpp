#include <doctest/doctest.h>

#include <cstdlib>

#include "player_bench.hpp"

namespace prot::player::test {
namespace {

using wire::Played;

/// Nobody gives the device anything for that long.
void starve(PlayerBench& bench, Nanos time) {
  bench.clock.advance(time);
  bench.device.pass();
}

/// Index of the first sample behind each pause of at least `least`.
std::vector<std::size_t> behind_pauses(const FakeDevice& device, Nanos least) {
  std::vector<std::size_t> found;
  for (std::size_t i = 1; i < device.heard_at.size(); ++i)
    if (device.heard_at[i] - device.heard_at[i - 1] >= least) found.push_back(i);
  return found;
}

}  // namespace

TEST_CASE("a device that ran dry in the middle of a reply is counted, and goes on without a click") {
  PlayerBench bench;
  const auto wave = tone(1500 * kPerMs, 1);  // never near zero
  bench.say(1, 0, wave);
  bench.end_turn(1, 1);
  for (int times = 1; times <= 2; ++times) {
    bench.run(400 * kMillisecond);
    starve(bench, 150 * kMillisecond);
    bench.run(50 * kMillisecond);
    CHECK(bench.memory.counter("device_underruns") == static_cast<std::uint64_t>(times));
  }
  bench.run_out();
  const auto gaps = behind_pauses(bench.device, 50 * kMillisecond);
  REQUIRE(gaps.size() == 2);
  for (const std::size_t at : gaps) {
    const auto after = std::span(bench.device.heard).subspan(at, 20 * kPerMs);
    CHECK(std::abs(static_cast<int>(after.front())) < 100);
    CHECK(largest_step(after) <= 10'000 / (10 * static_cast<int>(kPerMs)) + largest_step(wave));
  }
  // Nothing was left out, and the voice was never late.
  CHECK(stripped(bench.device.heard).size() >= stripped(wave).size() - 2);
  CHECK(bench.memory.counter("underruns") == 0);
  CHECK(bench.events().back().head.what == Played::kTurnDone);
}

TEST_CASE("a device that says itself that it ran dry is believed, once for each gap") {
  PlayerBench bench;
  bench.say(1, 0, tone(1000 * kPerMs, 1));
  bench.end_turn(1, 1);
  bench.run(300 * kMillisecond);
  bench.device.says_dry = true;
  bench.run(20 * kMillisecond);
  bench.device.says_dry = true;  // the same gap, once more
  bench.run_out();
  CHECK(bench.memory.counter("device_underruns") == 1);
}

TEST_CASE("silence between replies is no underrun") {
  PlayerBench bench;
  for (std::uint32_t turn = 1; turn <= 3; ++turn) {
    bench.say(turn, 0, tone(200 * kPerMs));
    bench.end_turn(turn, 1);
    bench.run_out();
    bench.device.says_dry = true;
    starve(bench, 300 * kMillisecond);
  }
  CHECK(bench.memory.counter("device_underruns") == 0);
  CHECK(bench.memory.counter("underruns") == 0);
}

}  // namespace prot::player::test
