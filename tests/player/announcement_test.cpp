#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "player_bench.hpp"

namespace prot::player::test {
namespace {

/// Samples of each frame of `echo` since the last call.
std::vector<std::uint32_t> echoed(PlayerBench& bench) {
  std::vector<std::uint32_t> counts;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  wire::Echo head{};
  while (bench.memory.from("echo").peek(info, payload) == ipc::TakeResult::kFrame) {
    if (wire::decode(info, payload, head, tail)) counts.push_back(head.count);
    bench.memory.from("echo").release();
  }
  return counts;
}

/// For each frame of `echo` since the last call: A announcement, S sound, - silence; sound runs as one.
std::string outline(PlayerBench& bench) {
  std::string text;
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  std::span<const std::byte> tail;
  wire::Echo head{};
  while (bench.memory.from("echo").peek(info, payload) == ipc::TakeResult::kFrame) {
    if (wire::decode(info, payload, head, tail)) {
      const bool silent =
          std::all_of(tail.begin(), tail.end(), [](std::byte b) { return b == std::byte{0}; });
      text += head.count == 0 ? 'A' : silent ? '-' : 'S';
    }
    bench.memory.from("echo").release();
  }
  text.erase(std::unique(text.begin(), text.end(), [](char a, char b) { return a == 'S' && b == 'S'; }),
             text.end());
  return text;
}

}  // namespace

TEST_CASE("capture is told of a reply before the device has any of it, once") {
  PlayerBench bench;
  for (std::uint32_t turn = 1; turn <= 2; ++turn) {
    (void)echoed(bench);
    bench.say(turn, 0, tone(300 * kPerMs));
    bench.end_turn(turn, 1);
    (void)bench.stage->do_work(bench.clock.now());
    CHECK(bench.device.latency() == 0);
    CHECK(echoed(bench) == std::vector<std::uint32_t>{0});
    bench.run_out();
    const auto rest = echoed(bench);
    CHECK(rest.size() >= 30);
    for (const std::uint32_t count : rest) CHECK(count > 0);
  }
}

TEST_CASE(
    "capture is told again of what a hold kept back, when the hold ends, but not of what was cancelled") {
  for (const bool cancelled : {false, true}) {
    CAPTURE(cancelled);
    PlayerBench bench;
    (void)echoed(bench);
    const Nanos until = bench.clock.now() + kSecond;
    bench.hold_until(until);
    bench.say(1, 0, tone(300 * kPerMs));
    bench.end_turn(1, 1);
    (void)bench.stage->do_work(bench.clock.now());
    CHECK(echoed(bench) == std::vector<std::uint32_t>{0});
    bench.run(800 * kMillisecond);
    CHECK(echoed(bench).empty());
    if (cancelled) bench.cancel(1);
    bench.hold_until(0);
    (void)bench.stage->do_work(bench.clock.now());
    if (!cancelled) CHECK(echoed(bench) == std::vector<std::uint32_t>{0});
    bench.run_out();
    for (const std::uint32_t count : echoed(bench)) CHECK(count > 0);
  }
}

TEST_CASE(
    "the silence between two sentences is no end: as soon as the second is queued, each frame says so") {
  PlayerBench bench;
  (void)outline(bench);
  auto first = tone(300 * kPerMs);
  first.resize(first.size() + 50 * kPerMs);  // as voices end
  auto second = first;
  bench.say(1, 0, first);
  bench.say(1, 1, second);
  bench.end_turn(1, 2);
  bench.run_out();
  const std::string told = outline(bench);
  CAPTURE(told);
  const auto last_sound = told.rfind('S');
  const auto pause = told.find('A', told.find('S'));
  REQUIRE(last_sound != std::string::npos);
  REQUIRE(pause < last_sound);
  CHECK(told.starts_with("AS"));
  CHECK(last_sound - pause >= 2 * 8);  // nearly 100 ms are queued ahead
  for (std::size_t i = pause; i < last_sound; ++i)
    if (told[i] == '-') CHECK(told[i - 1] == 'A');
  // Behind the last word nothing is promised.
  CHECK(told.find('A', last_sound) == std::string::npos);
}

}  // namespace prot::player::test
