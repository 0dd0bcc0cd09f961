#include <doctest/doctest.h>

#include <algorithm>

#include "player_bench.hpp"

namespace prot::player::test {
namespace {

using wire::Played;

std::vector<Played> kinds(const std::vector<PlayerBench::Event>& events) {
  std::vector<Played> all;
  for (const auto& event : events) all.push_back(event.head.what);
  return all;
}

std::size_t count_negative(std::span<const std::int16_t> samples) {
  return static_cast<std::size_t>(
      std::count_if(samples.begin(), samples.end(), [](auto s) { return s < 0; }));
}

}  // namespace

TEST_CASE("a turn is played sample by sample and reported in order") {
  PlayerBench bench;
  const auto wave = tone(500 * kPerMs);
  bench.say(1, 0, wave);
  bench.end_turn(1, 1);
  bench.run_out();
  CHECK(stripped(bench.device.heard) == stripped(wave));
  const auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kStarted, Played::kSegmentDone, Played::kTurnDone});
  CHECK(events[1].head.samples_heard == wave.size());
  CHECK(events[1].head.bytes_heard == 20);
  CHECK(bench.memory.into("pcm").used() == 0);
}

TEST_CASE("started is the time of the first audible sample at the DAC") {
  PlayerBench bench;
  std::vector<std::int16_t> wave(80 * kPerMs);  // a voice's silence before it speaks
  const auto loud = tone(200 * kPerMs);
  wave.insert(wave.end(), loud.begin(), loud.end());
  bench.say(1, 0, wave);
  bench.run_out();
  const auto& heard = bench.device.heard;
  const auto first = std::find_if(heard.begin(), heard.end(), [](auto s) { return std::abs(s) >= 200; });
  REQUIRE(first != heard.end());
  const Nanos at = bench.device.heard_at[static_cast<std::size_t>(first - heard.begin())];
  const auto events = bench.events();
  REQUIRE(events.at(0).head.what == Played::kStarted);
  CHECK(std::abs(events[0].head.at_ns - at) <= kMillisecond);
  CHECK(events[0].head.written_ns < events[0].head.at_ns);
}

TEST_CASE("between segments of a turn there is the configured silence") {
  PlayerBench bench({"player.sentence_silence_ms=150"});
  const auto wave = tone(200 * kPerMs, 1);
  bench.say(1, 0, wave);
  bench.say(1, 1, wave);
  bench.end_turn(1, 2);
  bench.run_out();
  const auto all = stripped(bench.device.heard);
  const auto one = stripped(wave);
  const std::size_t silence = all.size() - 2 * one.size();
  CHECK(silence >= 150 * kPerMs);
  CHECK(silence <= 151 * kPerMs);
}

TEST_CASE("within a sentence one segment follows the other without silence and without a step") {
  PlayerBench bench({"player.sentence_silence_ms=150"});
  const auto wave = tone(200 * kPerMs, 1);
  bench.say(1, 0, wave);
  bench.say(1, 1, wave, 4, 1);
  bench.say(1, 2, wave);
  bench.end_turn(1, 3);
  bench.run_out();
  const auto all = stripped(bench.device.heard);
  CHECK(all.size() - 3 * wave.size() <= 150 * kPerMs);
  CHECK(all.size() - 3 * stripped(wave).size() >= 150 * kPerMs);
  CHECK(largest_step(all) <= largest_step(wave));
}

TEST_CASE("a voice that begins and ends abruptly makes no click") {
  PlayerBench bench;
  const std::vector<std::int16_t> plateau(100 * kPerMs, 8000);
  bench.say(1, 0, plateau);
  bench.say(1, 1, plateau, 4, 1);
  bench.end_turn(1, 2);
  bench.run_out();
  std::vector<std::int16_t> heard(1, 0);
  heard.insert(heard.end(), bench.device.heard.begin(), bench.device.heard.end());
  heard.push_back(0);
  CHECK(largest_step(heard) <= 8000 / (5 * static_cast<int>(kPerMs)) + 1);
  CHECK(bench.events().back().head.what == Played::kTurnDone);
}

TEST_CASE("a hold is silent within 10 ms, keeps the place and goes on there") {
  PlayerBench bench;
  const auto wave = tone(1000 * kPerMs);
  bench.say(1, 0, wave);
  bench.end_turn(1, 1);
  bench.run(300 * kMillisecond);
  const std::size_t before = bench.device.heard.size();
  bench.hold_until(bench.clock.now() + 400 * kMillisecond);
  bench.run(60 * kMillisecond);
  const std::span heard(bench.device.heard);
  // One period of the audio thread until it sees the word, 10 ms of fade, then nothing but zeros.
  const auto tail = heard.subspan(before);
  const auto last = std::find_if(tail.rbegin(), tail.rend(), [](auto s) { return s != 0; });
  CHECK(tail.rend() - last <= 22 * static_cast<long>(kPerMs));
  const auto place = bench.context->board().playback().samples_heard.load();
  bench.run(200 * kMillisecond);
  CHECK(bench.context->board().playback().samples_heard == place);
  bench.run(200 * kMillisecond);
  bench.run_out();
  const auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kStarted, Played::kSegmentDone, Played::kTurnDone});
  CHECK(events[1].head.samples_heard == wave.size());
  // Everything but the 20 ms around the place is there unchanged.
  const auto& all = bench.device.heard;
  CHECK(std::equal(wave.begin(), wave.begin() + 250 * kPerMs, all.begin()));
  const auto rest = stripped(all);
  CHECK(std::equal(wave.rbegin(), wave.rbegin() + 600 * kPerMs,
                   std::find_if(all.rbegin(), all.rend(), [](auto s) { return s != 0; }) - 1));
  CHECK(largest_step(all) <= largest_step(wave) + 50);
}

TEST_CASE("a hold that is cleared goes on at once") {
  PlayerBench bench;
  bench.say(1, 0, tone(600 * kPerMs));
  bench.run(200 * kMillisecond);
  bench.hold_until(bench.clock.now() + 10 * kSecond);
  bench.run(100 * kMillisecond);
  const std::size_t held = bench.device.heard.size();
  bench.run(500 * kMillisecond);
  CHECK(bench.device.heard.size() == held);
  bench.hold_until(0);
  bench.run(100 * kMillisecond);
  CHECK(bench.device.heard.size() > held + 40 * kPerMs);
}

TEST_CASE("a cancelled turn is cut at the sample that was heard, and the next one is complete") {
  PlayerBench bench;
  const auto first = tone(2000 * kPerMs, 1);
  bench.say(1, 0, first, 20);
  bench.run(500 * kMillisecond);
  bench.cancel(1);
  bench.run(30 * kMillisecond);
  auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kStarted, Played::kCutAt});
  const wire::Playback cut = events[1].head;
  CHECK(events[1].turn == 1);
  // What was heard is the text up to the cut, then the fade.
  REQUIRE(bench.device.heard.size() > cut.samples_heard);
  CHECK(std::equal(first.begin(), first.begin() + cut.samples_heard, bench.device.heard.begin()));
  CHECK(stripped(bench.device.heard).size() <= cut.samples_heard + 10 * kPerMs);
  CHECK(cut.bytes_heard == cut.samples_heard / (100 * kPerMs) * 5);
  CHECK(largest_step(bench.device.heard) <= largest_step(first) + 50);

  bench.run(100 * kMillisecond);
  const std::size_t before = bench.device.heard.size();
  const auto second = tone(300 * kPerMs, -1);
  bench.say(2, 0, second);
  bench.end_turn(2, 1);
  bench.run_out();
  CHECK(stripped(std::span(bench.device.heard).subspan(before)) == stripped(second));
  events = bench.events();
  CHECK(kinds(events) == std::vector{Played::kStarted, Played::kCutAt, Played::kStarted, Played::kSegmentDone,
                                     Played::kTurnDone});
  CHECK(bench.memory.into("pcm").used() == 0);
}

TEST_CASE("a new turn that is already queued behind a cancelled one is played whole") {
  PlayerBench bench;
  bench.say(1, 0, tone(60 * kPerMs, 1));
  const auto second = tone(400 * kPerMs, -1);
  bench.say(2, 0, second);
  bench.end_turn(2, 1);
  bench.run(50 * kMillisecond);
  bench.cancel(1);
  bench.run_out();
  std::vector<std::int16_t> negative;
  std::copy_if(bench.device.heard.begin(), bench.device.heard.end(), std::back_inserter(negative),
               [](auto s) { return s < 0; });
  CHECK(negative.size() == count_negative(second));
  CHECK(negative == stripped(second));
}

TEST_CASE("no sample of a cancelled turn reaches the device, also when it comes late") {
  PlayerBench bench;
  bench.cancel(3);
  bench.say(3, 0, tone(300 * kPerMs));
  bench.end_turn(3, 1);
  bench.run_out();
  CHECK(bench.device.heard.empty());
  CHECK(bench.memory.into("pcm").used() == 0);
  const auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kCutAt});
  CHECK(events[0].turn == 3);
  CHECK(events[0].head.samples_heard == 0);
}

TEST_CASE("a second cancel in a row is reported for its own turn, of which nothing came") {
  PlayerBench bench;
  bench.say(1, 0, tone(2000 * kPerMs, 1), 20);
  bench.run(300 * kMillisecond);
  bench.cancel(1);
  bench.run(50 * kMillisecond);
  bench.cancel(2);
  bench.run(50 * kMillisecond);
  const auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kStarted, Played::kCutAt, Played::kCutAt});
  CHECK(events[1].turn == 1);
  CHECK(events[2].turn == 2);
  CHECK(events[2].head.samples_heard == 0);
}

TEST_CASE("a cancel during a hold reports the place of the hold") {
  PlayerBench bench;
  const auto wave = tone(1000 * kPerMs, 1);
  bench.say(1, 0, wave);
  bench.run(300 * kMillisecond);
  bench.hold_until(bench.clock.now() + 2 * kSecond);
  bench.run(200 * kMillisecond);
  const std::uint64_t place = bench.context->board().playback().samples_heard;
  bench.cancel(1);
  bench.hold_until(0);
  bench.run(50 * kMillisecond);
  const auto events = bench.events();
  REQUIRE(kinds(events) == std::vector{Played::kStarted, Played::kCutAt});
  CHECK(events[1].head.samples_heard == place);
}

TEST_CASE("a voice that is late within a segment makes a pause without a click") {
  PlayerBench bench;
  const auto wave = tone(600 * kPerMs, 1);
  const std::span all(wave);
  bench.start(1, 0, 5);
  bench.align(1, 0, {{5, static_cast<std::uint32_t>(wave.size())}});
  bench.audio(1, 0, all.first(300 * kPerMs));
  bench.run(500 * kMillisecond);
  bench.audio(1, 0, all.subspan(300 * kPerMs), 300 * kPerMs);
  bench.end(1, 0, static_cast<std::uint32_t>(wave.size()));
  bench.end_turn(1, 1);
  bench.run_out();
  CHECK(bench.memory.counter("underruns") == 1);
  CHECK(largest_step(bench.device.heard) <= 10'000 / (3 * static_cast<int>(kPerMs)) + largest_step(wave));
  CHECK(bench.events().at(1).head.samples_heard == wave.size());
}

TEST_CASE("a segment that failed is over like any other") {
  PlayerBench bench;
  bench.start(1, 0, 10);
  bench.end(1, 0, 0, true);
  bench.say(1, 1, tone(100 * kPerMs));
  bench.end_turn(1, 2);
  bench.run_out();
  const auto events = bench.events();
  REQUIRE(kinds(events) ==
          std::vector{Played::kSegmentDone, Played::kStarted, Played::kSegmentDone, Played::kTurnDone});
  CHECK(events[0].head.bytes_heard == 0);
  CHECK(events[1].head.segment == 1);
}

TEST_CASE("the end of stream follows the last sample on both rings") {
  PlayerBench bench;
  bench.say(1, 0, tone(200 * kPerMs));
  bench.end_turn(1, 1);
  bench.end_of_stream();
  bench.run(100 * kMillisecond);
  CHECK_FALSE(bench.stage->finished());
  bench.run_out();
  CHECK(bench.stage->finished());
  (void)bench.events();
  CHECK(bench.saw_end_of_stream);
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  bool echo_ended = false;
  std::size_t echoed = 0;
  while (bench.memory.from("echo").peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Echo head{};
    std::span<const std::byte> tail;
    if (wire::decode(info, payload, head, tail)) echoed += head.count;
    echo_ended |= wire::is<wire::EndOfStream>(info);
  }
  CHECK(echo_ended);
  CHECK(echoed >= 200 * kPerMs);
}

TEST_CASE("a device that is lost is opened again and the rest is played") {
  PlayerBench bench;
  const auto wave = tone(800 * kPerMs, 1);
  bench.say(1, 0, wave);
  bench.end_turn(1, 1);
  bench.run(300 * kMillisecond);
  bench.device.broken = true;
  bench.run(50 * kMillisecond);
  bench.device.broken = false;
  bench.run(300 * kMillisecond);
  bench.run_out();
  CHECK(bench.device.opened == 2);
  CHECK(bench.memory.counter("device_lost") == 1);
  CHECK(bench.events().back().head.what == Played::kTurnDone);
  // Nothing is missing: what the device held when it was lost comes again.
  CHECK(stripped(bench.device.heard).size() >= stripped(wave).size() - kPerMs);
}

TEST_CASE("a small ring is emptied as it is heard, so a long segment passes") {
  PlayerBench bench({}, {{"pcm", 64 * 1024}});
  const auto wave = tone(3000 * kPerMs);
  bench.start(1, 0, 5);
  bench.align(1, 0, {{5, static_cast<std::uint32_t>(wave.size())}});
  const std::span all(wave);
  for (std::size_t at = 0; at < wave.size(); at += 100 * kPerMs) {
    bench.audio(1, 0, all.subspan(at, 100 * kPerMs), static_cast<std::uint32_t>(at));
    if (at >= 400 * kPerMs) bench.run(100 * kMillisecond);
  }
  bench.end(1, 0, static_cast<std::uint32_t>(wave.size()));
  bench.run_out();
  CHECK(stripped(bench.device.heard) == stripped(wave));
}

}  // namespace prot::player::test
