#include <doctest/doctest.h>

#include <array>

#include "player/playout_clock.hpp"
#include "player/sample_queue.hpp"
#include "player/timeline.hpp"

namespace prot::player {
namespace {

std::vector<std::int16_t> ramp(std::int16_t first, std::size_t count) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i) samples[i] = static_cast<std::int16_t>(first + static_cast<int>(i));
  return samples;
}

}  // namespace

TEST_CASE("a queue can be read again from any sample that is not released") {
  SampleQueue queue;
  queue.push(1, ramp(0, 100));
  queue.push(2, ramp(100, 50));
  CHECK(queue.turn_at(99) == 1);
  CHECK(queue.turn_at(100) == 2);
  CHECK(queue.turn_at(150) == 0);
  queue.advance(100);
  queue.advance(30);
  CHECK(queue.position() == 130);
  queue.rewind(70);
  REQUIRE(queue.front() != nullptr);
  CHECK(queue.front()->samples[queue.offset()] == 70);
  queue.advance(30);
  CHECK(queue.front()->turn == 2);
  queue.release_before(100);
  queue.rewind(0);  // no farther than what is kept
  CHECK(queue.position() == 100);
}

TEST_CASE("a queue is full when nothing was released") {
  SampleQueue queue;
  for (std::uint64_t i = 0; i < SampleQueue::kChunks; ++i) queue.push(1, ramp(0, 1));
  CHECK(queue.room() == 0);
  for (int i = 0; i < 10; ++i) queue.advance(1);
  CHECK(queue.room() == 0);
  queue.release_before(10);
  CHECK(queue.room() == 10);
}

TEST_CASE("the heard position follows the device's own times") {
  PlayoutClock clock(1000);                                   // one sample a millisecond
  clock.record(0, 10, 5 * kMillisecond, 30 * kMillisecond);   // audible from 20 to 30 ms
  clock.record(10, 20, 9 * kMillisecond, 60 * kMillisecond);  // after a gap: from 50 to 60 ms
  CHECK(clock.heard(10 * kMillisecond) == 0);
  CHECK(clock.heard(25 * kMillisecond) == 5);
  CHECK(clock.heard(45 * kMillisecond) == 10);
  CHECK(clock.heard(55 * kMillisecond) == 15);
  CHECK(clock.heard(54 * kMillisecond) == 15);  // never back
  CHECK(clock.times_of(12)->audible_ns == 52 * kMillisecond);
  CHECK(clock.times_of(12)->written_ns == 9 * kMillisecond);
  CHECK_FALSE(clock.times_of(20));
  clock.cut(12);
  CHECK(clock.heard(kSecond) == 12);
  CHECK(clock.written() == 12);
}

TEST_CASE("text counts as heard by whole words") {
  Span span;
  span.rate = 16'000;
  span.text_bytes = 11;
  span.begin = 1000;
  span.end = 1000 + 24'000;
  span.samples = 16'000;
  span.alignment = {{5, 8000}, {11, 16'000}};
  CHECK(span.place(1000, 24'000).bytes == 0);
  CHECK(span.place(1000 + 11'999, 24'000).bytes == 0);
  CHECK(span.place(1000 + 12'000, 24'000).bytes == 5);
  CHECK(span.place(1000 + 12'000, 24'000).samples == 8000);
  span.ended = true;
  CHECK(span.place(1000 + 24'000, 24'000).bytes == 11);
  CHECK(span.sample_after(5) == 8000);
  CHECK(span.sample_after(6) == 16'000);
  CHECK(span.sample_after(12) == UINT32_MAX);
}

}  // namespace prot::player
