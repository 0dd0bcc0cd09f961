#include <doctest/doctest.h>

#include "player_bench.hpp"

namespace prot::player::test {
namespace {

using wire::Played;

// Word n of 100 ms is a plateau of 1000 (n + 1), so what was heard can be read off.
std::vector<std::int16_t> words(std::uint32_t count) {
  std::vector<std::int16_t> wave(count * 100 * kPerMs);
  for (std::size_t i = 0; i < wave.size(); ++i)
    wave[i] = static_cast<std::int16_t>(1000 * (i / (100 * kPerMs) + 1));
  return wave;
}

// How long each word was heard, in ms.
std::vector<std::size_t> heard_words(const std::vector<std::int16_t>& heard, std::uint32_t count) {
  std::vector<std::size_t> samples(count);
  for (const std::int16_t sample : heard)
    if (sample > 0 && sample % 1000 == 0 && sample / 1000 <= static_cast<int>(count))
      ++samples[sample / 1000 - 1];
  for (std::size_t& n : samples) n /= kPerMs;
  return samples;
}

}  // namespace

TEST_CASE("a restarted player goes on at the sample that was not heard yet") {
  PlayerBench bench;
  bench.say(1, 0, words(10), 10);
  bench.end_turn(1, 1);
  bench.run(430 * kMillisecond);
  bench.restart();
  bench.run_out();
  const auto heard = heard_words(bench.device.heard, 10);
  for (std::size_t i = 0; i < heard.size(); ++i) {
    CAPTURE(i);
    CHECK(heard[i] >= 84);   // the seams are faded
    CHECK(heard[i] <= 125);  // at most one look of the loop comes twice
  }
  std::vector<Played> kinds;
  for (const auto& event : bench.events()) kinds.push_back(event.head.what);
  CHECK(kinds == std::vector{Played::kStarted, Played::kSegmentDone, Played::kTurnDone});
  CHECK(bench.memory.into("pcm").used() == 0);
}

TEST_CASE("a player that is restarted between turns plays nothing again") {
  PlayerBench bench;
  bench.say(1, 0, words(3), 3);
  bench.end_turn(1, 1);
  bench.run_out();
  const std::size_t before = bench.device.heard.size();
  bench.restart();
  bench.run_out();
  CHECK(stripped(std::span(bench.device.heard).subspan(before)).empty());
  bench.say(2, 0, words(2), 2);
  bench.end_turn(2, 1);
  bench.run_out();
  CHECK(bench.events().back().turn == 2);
  CHECK(bench.events().back().head.what == Played::kTurnDone);
}

TEST_CASE("a segment that a restarted tts speaks anew goes on at the first word that was not heard") {
  PlayerBench bench;
  const auto wave = words(10);
  std::vector<wire::AlignPoint> points;
  for (std::uint32_t i = 1; i <= 10; ++i) points.push_back({5 * i, i * 100 * kPerMs});
  bench.start(1, 0, 50);
  bench.align(1, 0, points);
  bench.audio(1, 0, std::span(wave).first(450 * kPerMs));  // killed in the fifth word
  bench.run(600 * kMillisecond);
  // The second time it speaks a little more slowly.
  std::vector<std::int16_t> slower(10 * 120 * kPerMs);
  for (std::size_t i = 0; i < slower.size(); ++i)
    slower[i] = static_cast<std::int16_t>(1000 * (i / (120 * kPerMs) + 1));
  for (std::uint32_t i = 0; i < 10; ++i) points[i] = {5 * (i + 1), (i + 1) * 120 * kPerMs};
  bench.start(1, 0, 50, ipc::kFlagRestarted);
  bench.align(1, 0, points);
  bench.audio(1, 0, slower);
  bench.end(1, 0, static_cast<std::uint32_t>(slower.size()));
  bench.end_turn(1, 1);
  bench.run_out();
  const auto heard = heard_words(bench.device.heard, 10);
  CHECK(heard[0] == 95);  // a plateau is abrupt: its first 5 ms are faded in
  for (std::size_t i = 1; i < 4; ++i) CHECK(heard[i] == 100);
  CHECK(heard[4] >= 160);  // the word that was cut comes again, whole
  for (std::size_t i = 5; i < 10; ++i) CHECK(heard[i] == 120);
  const auto events = bench.events();
  REQUIRE(events.size() == 3);
  CHECK(events[1].head.bytes_heard == 50);
}

TEST_CASE("a voice that takes over is heard from its word on, also when its alignment comes in parts") {
  PlayerBench bench;
  const auto wave = words(10);
  std::vector<wire::AlignPoint> points;
  for (std::uint32_t i = 1; i <= 10; ++i) points.push_back({5 * i, i * 100 * kPerMs});
  bench.start(1, 0, 50);
  bench.align(1, 0, points);
  bench.audio(1, 0, std::span(wave).first(650 * kPerMs));  // it failed in the seventh word
  bench.run(200 * kMillisecond);
  bench.start(1, 0, 50, ipc::kFlagRestarted);
  const std::span all(wave);
  for (std::uint32_t part = 0; part < 2; ++part) {  // sentence by sentence
    bench.align(1, 0, {points.begin() + part * 5, points.begin() + part * 5 + 5});
    bench.audio(1, 0, all.subspan(part * 500 * kPerMs, 500 * kPerMs), part * 500 * kPerMs);
  }
  bench.end(1, 0, static_cast<std::uint32_t>(wave.size()));
  bench.end_turn(1, 1);
  bench.run_out();
  const auto heard = heard_words(bench.device.heard, 10);
  CHECK(heard[0] == 95);
  for (const std::size_t i : {1U, 2U, 3U, 4U, 5U, 7U, 8U, 9U}) CHECK(heard[i] == 100);
  CHECK(heard[6] >= 140);  // the word that broke off comes again, whole
  CHECK(heard[6] <= 150);
  CHECK(bench.events()[1].head.bytes_heard == 50);
}

TEST_CASE("a notice after some words is heard whole and adds nothing to them") {
  PlayerBench bench;
  const auto wave = words(4);
  bench.start(1, 0, 20);
  bench.align(1, 0, {{5, 100 * kPerMs}, {10, 200 * kPerMs}, {15, 300 * kPerMs}, {20, 400 * kPerMs}});
  bench.audio(1, 0, std::span(wave).first(250 * kPerMs));
  bench.run(300 * kMillisecond);
  const std::vector<std::int16_t> notice(300 * kPerMs, 7000);
  bench.start(1, 0, 0, ipc::kFlagRestarted);
  bench.align(1, 0, {{UINT32_MAX, 0}});
  bench.audio(1, 0, notice);
  bench.end(1, 0, static_cast<std::uint32_t>(notice.size()), true);
  bench.end_turn(1, 1);
  bench.run_out();
  CHECK(heard_words(bench.device.heard, 7)[6] >= 290);
  const auto events = bench.events();
  REQUIRE(events.size() == 3);
  CHECK(events[1].head.bytes_heard == 10);
  CHECK(events[2].head.bytes_heard == 10);
}

TEST_CASE("a notice alone claims nothing") {
  PlayerBench bench;
  const std::vector<std::int16_t> notice(100 * kPerMs, 7000);
  bench.start(1, 0, 0);
  bench.align(1, 0, {{UINT32_MAX, 0}});
  bench.audio(1, 0, notice);
  bench.end(1, 0, static_cast<std::uint32_t>(notice.size()), true);
  bench.end_turn(1, 1);
  bench.run_out();
  const auto events = bench.events();
  REQUIRE(events.size() == 3);
  CHECK(events[1].head.what == Played::kSegmentDone);
  CHECK(events[1].head.bytes_heard == 0);
  CHECK(events[1].head.samples_heard == 0);
}

TEST_CASE("tts restarted behind the last word: nothing is said twice") {
  PlayerBench bench;
  const auto wave = words(3);
  const std::vector<wire::AlignPoint> points{{5, 100 * kPerMs}, {10, 200 * kPerMs}, {15, 300 * kPerMs}};
  bench.start(1, 0, 15);
  bench.align(1, 0, points);
  bench.audio(1, 0, wave);
  bench.run(400 * kMillisecond);
  bench.start(1, 0, 15, ipc::kFlagRestarted);
  bench.align(1, 0, points);
  bench.audio(1, 0, wave);
  bench.end(1, 0, static_cast<std::uint32_t>(wave.size()));
  bench.end_turn(1, 1);
  bench.run_out();
  CHECK(heard_words(bench.device.heard, 3) == std::vector<std::size_t>{95, 100, 100});
  CHECK(bench.events().back().head.what == Played::kTurnDone);
}

}  // namespace prot::player::test
