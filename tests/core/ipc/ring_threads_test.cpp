#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>
#include <random>
#include <thread>

#include "ipc/crc32c.hpp"
#include "ring_fixture.hpp"
#include "segment_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kFrames = 20'000;
#else
constexpr std::uint64_t kFrames = 100'000;
#endif

constexpr int kBeltMs = 1000;

/// A payload whose bytes follow from its number alone.
void fill(std::span<std::byte> payload, std::uint64_t number) {
  std::uint64_t value = number * 0x9E3779B97F4A7C15ULL + 1;
  for (std::byte& b : payload) {
    value = value * 6364136223846793005ULL + 1442695040888963407ULL;
    b = static_cast<std::byte>(value >> 56U);
  }
}

std::size_t length_of(std::uint64_t number) { return number * 7919 % 257; }

bool is_right(std::span<const std::byte> payload, std::uint64_t number) {
  if (payload.size() != length_of(number)) return false;
  std::byte expected[257];
  fill(std::span(expected).first(payload.size()), number);
  return std::memcmp(expected, payload.data(), payload.size()) == 0;
}

/// True: the bell rang; false: the belt ran out.
bool sleep_on(const Doorbell& bell) {
  pollfd p{bell.fd(), POLLIN, 0};
  return ::poll(&p, 1, kBeltMs) == 1;
}

}  // namespace

// Both threads over one mapping, so that a race detector sees every access.
TEST_CASE("two threads exchange frames of all lengths, each whole and in order") {
  MemoryRing memory(2048, 257);
  memory.header.max_frame = 257;
  std::atomic<std::uint64_t> wrong{0};
  std::thread reader([&] {
    RingConsumer consumer(memory.memory());
    std::mt19937 random(1);
    for (std::uint64_t expected = 0; expected < kFrames;) {
      FrameInfo info;
      std::span<const std::byte> payload;
      const TakeResult result = consumer.peek(info, payload);
      if (result == TakeResult::kEmpty) {
        std::this_thread::yield();
        continue;
      }
      if (result == TakeResult::kFaulted || info.sequence != expected || !is_right(payload, expected)) {
        wrong = expected + 1;
        return;
      }
      // Sometimes several in hand, sometimes again from the last release, sometimes one by one.
      const auto dice = random() % 8;
      if (dice == 0 && consumer.in_hand() < 4) {
        ++expected;
        continue;
      }
      if (dice == 1) {
        expected -= consumer.in_hand() - 1;
        consumer.rewind();
        continue;
      }
      if (dice == 2)
        consumer.release_through(expected, 1);
      else
        consumer.release(1);
      ++expected;
    }
  });
  RingProducer producer(memory.memory());
  for (std::uint64_t number = 0; number < kFrames && wrong == 0;) {
    std::span<std::byte> room;
    if (producer.claim(length_of(number), room) != PublishResult::kOk) {
      std::this_thread::yield();
      continue;
    }
    fill(room, number);
    FrameInfo info;
    info.kind = 1;
    producer.commit(room.size(), info, {}, 1);
    ++number;
  }
  reader.join();
  CHECK(wrong == 0);
  CHECK(memory.producer.high_water_bytes <= 2048);
}

// The loop of a stage in small: disarm, clear, work, arm, check again, sleep.
TEST_CASE("two threads that sleep on their bells lose no wake") {
  const TestSegment segment(Policy::kBlock, 65536, 16384);
  const SteadyClock clock;
  const Doorbell producer_bell = Doorbell::create();
  const Doorbell consumer_bell = Doorbell::create();
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> sleeps{0};
  std::thread reader([&] {
    Input input(segment.open(Role::kConsumer), &producer_bell, clock);
    std::mt19937 random(2);
    for (std::uint64_t expected = 0; expected < kFrames;) {
      input.disarm();
      consumer_bell.clear();
      FrameInfo info;
      std::span<const std::byte> payload;
      TakeResult result = TakeResult::kEmpty;
      while ((result = input.peek(info, payload)) == TakeResult::kFrame) {
        if (info.sequence != expected) wrong = expected + 1;
        ++expected;
        input.release();
        if (random() % 64 == 0) break;  // a stage that has more to do than this ring
      }
      if (result == TakeResult::kFaulted || wrong != 0) {
        wrong = expected + 1;
        return;
      }
      input.arm();
      if (result == TakeResult::kFrame || input.changed() || expected == kFrames) continue;
      ++sleeps;
      input.count_wake(!sleep_on(consumer_bell));
    }
  });
  {
    Output output(segment.open(Role::kProducer), &consumer_bell, clock);
    std::mt19937 random(3);
    std::vector<std::byte> payload(16384);
    for (std::uint64_t number = 0; number < kFrames && wrong == 0;) {
      output.disarm();
      producer_bell.clear();
      FrameInfo info;
      info.kind = 1;
      const std::size_t length = number % 4096 < 64 ? payload.size() : 64;  // bursts that fill the ring
      PublishResult result = PublishResult::kOk;
      while (number < kFrames) {
        result = output.publish(info, std::span(payload).first(length));
        if (result != PublishResult::kOk) break;
        ++number;
        if (random() % 16 == 0) break;
      }
      if (result == PublishResult::kOk) {
        if (random() % 8 == 0) std::this_thread::yield();
        continue;
      }
      output.arm();
      if (output.changed()) continue;
      ++sleeps;
      output.count_wake(!sleep_on(producer_bell));
    }
  }
  reader.join();
  CHECK(wrong == 0);
  CHECK(sleeps > 0);
  CHECK(segment.consumer_page().late_wakes == 0);
  CHECK(segment.producer_page().late_wakes == 0);
  CHECK(segment.consumer_page().frames == kFrames);
  MESSAGE("sleeps ", sleeps.load(), ", rings by the producer ", segment.producer_page().wakes.load(),
          ", by the consumer ", segment.consumer_page().wakes.load());
}
