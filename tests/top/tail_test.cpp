#include <doctest/doctest.h>
#include <sys/mman.h>

#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "frame_tail.hpp"
#include "ipc/crc32c.hpp"
#include "observed.hpp"
#include "tests/core/ipc/ring_fixture.hpp"

using namespace prot;
using namespace prot::top;
using ipc::test::MemoryRing;
using Step = FrameTail::Step;

namespace {

constexpr std::uint64_t kCapacity = 65536;

void publish(ipc::RingProducer& producer, const std::string& payload) {
  REQUIRE(ipc::test::send(producer, payload) == ipc::PublishResult::kOk);
}

// Every byte of a frame follows from its number.
std::string pattern(std::uint64_t sequence) {
  return std::string(static_cast<std::size_t>(sequence % 700), static_cast<char>('a' + sequence % 26));
}

}  // namespace

TEST_CASE("frames come in order, from the next one on, or from the oldest that waits") {
  MemoryRing ring(kCapacity);
  ipc::RingProducer producer(ring.memory());
  for (int i = 0; i < 3; ++i) publish(producer, "old");
  FrameTail from_now(ring.memory(), false);
  FrameTail from_head(ring.memory(), true);
  SeenRecord record;
  CHECK(from_now.next(record) == Step::kNothing);
  publish(producer, "new");
  REQUIRE(from_now.next(record) == Step::kFrame);
  CHECK(record.header.sequence == 3);
  CHECK(*from_now.payload(record) == "new");
  CHECK(from_now.next(record) == Step::kNothing);
  for (std::uint64_t i = 0; i < 4; ++i) {
    REQUIRE(from_head.next(record) == Step::kFrame);
    CHECK(record.header.sequence == i);
  }
  CHECK(from_head.next(record) == Step::kNothing);
}

TEST_CASE("over the end of the data many times, nothing is missed by who looks often enough") {
  MemoryRing ring(kCapacity);
  ipc::RingProducer producer(ring.memory());
  ipc::RingConsumer consumer(ring.memory());
  FrameTail tail(ring.memory(), false);
  SeenRecord record;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    publish(producer, pattern(i));
    REQUIRE(ipc::test::take(consumer));
    REQUIRE(tail.next(record) == Step::kFrame);
    REQUIRE(record.header.sequence == i);
    REQUIRE(*tail.payload(record) == pattern(i));
  }
}

TEST_CASE("who is too slow is told how many frames were missed") {
  for (const bool leave_some : {false, true}) {
    MemoryRing ring(kCapacity);
    ipc::RingProducer producer(ring.memory());
    ipc::RingConsumer consumer(ring.memory());
    FrameTail tail(ring.memory(), false);
    for (std::uint64_t i = 0; i < 5000; ++i) {
      publish(producer, pattern(i));
      if (!leave_some || i < 4990) REQUIRE(ipc::test::take(consumer));
    }
    SeenRecord record;
    REQUIRE(tail.next(record) == Step::kMissed);
    CHECK(tail.missed() == (leave_some ? 4990 : 5000));
    if (!leave_some) publish(producer, pattern(5000));
    REQUIRE(tail.next(record) == Step::kFrame);
    CHECK(record.header.sequence == (leave_some ? 4990 : 5000));
  }
}

TEST_CASE("a frame that is damaged while it waits is damage, not slowness") {
  MemoryRing ring(kCapacity);
  ipc::RingProducer producer(ring.memory());
  publish(producer, "good");
  publish(producer, "bad");
  ring.data()[64 + 20] ^= std::byte{1};
  FrameTail tail(ring.memory(), true);
  SeenRecord record;
  REQUIRE(tail.next(record) == Step::kFrame);
  CHECK(tail.next(record) == Step::kDamaged);
  CHECK(tail.position() == 64);
}

TEST_CASE("a payload that the producer may have reached is not shown") {
  MemoryRing ring(kCapacity, 4096);
  ipc::RingProducer producer(ring.memory());
  ipc::RingConsumer consumer(ring.memory());
  FrameTail tail(ring.memory(), false);
  publish(producer, "first");
  SeenRecord record;
  REQUIRE(tail.next(record) == Step::kFrame);
  REQUIRE(ipc::test::take(consumer));
  CHECK(tail.payload(record));
  while (producer.tail() < kCapacity - 4096) {
    publish(producer, std::string(1000, 'z'));
    REQUIRE(ipc::test::take(consumer));
  }
  CHECK_FALSE(tail.payload(record));
}

TEST_CASE("beside two threads at full speed: what is shown is true, and the rest is counted") {
  constexpr std::uint64_t kFrames = 60'000;
  MemoryRing ring(kCapacity, 4096);
  ipc::RingProducer producer(ring.memory());
  ipc::RingConsumer consumer(ring.memory());
  FrameTail tail(ring.memory(), false);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kFrames;)
      if (ipc::test::send(producer, pattern(i)) == ipc::PublishResult::kOk)
        ++i;
      else
        std::this_thread::yield();
    done = true;
  });
  std::thread reader([&] {
    for (std::uint64_t taken = 0; taken < kFrames;)
      if (ipc::test::take(consumer))
        ++taken;
      else
        std::this_thread::yield();
  });
  std::uint64_t expected = 0;
  std::uint64_t shown = 0;
  std::uint64_t wrong = 0;
  bool damaged = false;
  SeenRecord record;
  while (expected < kFrames && !damaged) {
    switch (tail.next(record)) {
      case Step::kFrame:
        if (record.header.sequence != expected) ++wrong;
        if (const auto payload = tail.payload(record); payload && *payload != pattern(expected)) ++wrong;
        ++expected;
        ++shown;
        break;
      case Step::kMissed:
        expected += tail.missed();
        break;
      case Step::kNothing:
        std::this_thread::yield();
        break;
      case Step::kDamaged:
        damaged = true;
        break;
    }
  }
  writer.join();
  reader.join();
  CHECK_FALSE(damaged);
  CHECK(wrong == 0);
  CHECK(expected == kFrames);
  CHECK(shown > 0);
}

TEST_CASE("whatever lies in a segment: no read outside of it, and an end") {
  // Between two pages that nobody may touch: reading one byte too far ends the test.
  constexpr std::size_t kSize = ipc::kDataOffset + kCapacity;
  void* all = ::mmap(nullptr, kSize + 2 * ipc::kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(all != MAP_FAILED);
  std::byte* base = static_cast<std::byte*>(all) + ipc::kPage;
  REQUIRE(::mprotect(base, kSize, PROT_READ | PROT_WRITE) == 0);
  const ipc::RingMemory memory = {reinterpret_cast<ipc::RingHeader*>(base),
                                  reinterpret_cast<ipc::RingSupervisorPage*>(base + ipc::kSupervisorOffset),
                                  reinterpret_cast<ipc::RingProducerPage*>(base + ipc::kProducerOffset),
                                  reinterpret_cast<ipc::RingConsumerPage*>(base + ipc::kConsumerOffset),
                                  base + ipc::kDataOffset};
  auto& header = *reinterpret_cast<ipc::RingHeader*>(base);
  header.capacity = kCapacity;
  header.max_frame = 4096;
  std::mt19937_64 random(20250);
  FakeClock clock;
  std::uint64_t frames = 0;
  for (int round = 0; round < 300; ++round) {
    std::memset(base + ipc::kSupervisorOffset, 0, kSize - ipc::kSupervisorOffset);
    ipc::RingProducer producer(memory);
    ipc::RingConsumer consumer(memory);
    for (std::uint64_t i = 0; i < 400; ++i) {
      static_cast<void>(ipc::test::send(producer, pattern(i)));
      if (i < 300) static_cast<void>(ipc::test::take(consumer));
    }
    RingProbe probe(memory, clock);
    for (int mutation = 0; mutation < 100; ++mutation) {
      // First single bytes of records, then of the sides' pages, at last whole positions.
      const std::size_t from = mutation < 60 ? ipc::kDataOffset : ipc::kSupervisorOffset;
      const std::size_t span = mutation < 60 ? kCapacity : 3 * ipc::kPage;
      base[from + random() % span] = static_cast<std::byte>(random());
      if (mutation > 80 && mutation % 3 == 0) memory.producer->tail.store(random());
      if (mutation > 80 && mutation % 3 == 1) memory.consumer->head.store(random() % (2 * kCapacity));
      if (mutation > 80 && mutation % 3 == 2)
        memory.producer->tail.store(memory.consumer->head.load() + random() % kCapacity);
      FrameTail tail(memory, true);
      const RingRow row = probe.read();
      REQUIRE(row.used_bytes <= kCapacity);
      SeenRecord record;
      for (int step = 0; step < 200; ++step) {
        const Step result = tail.next(record);
        if (result == Step::kFrame) {
          ++frames;
          static_cast<void>(tail.payload(record));
        }
        if (result == Step::kDamaged || result == Step::kNothing) break;
      }
    }
  }
  CHECK(frames > 1000);  // the mutations are not so many that nothing is read
  ::munmap(all, kSize + 2 * ipc::kPage);
}

TEST_CASE("names and contents as text") {
  CHECK(kind_name(2) == "mic-audio");
  CHECK(kind_name(250) == "end-of-stream");
  CHECK(kind_name(99) == "kind-99");
  CHECK(flags_text(0) == "-");
  CHECK(flags_text(ipc::kFlagGap | ipc::kFlagRestarted) == "gap,restarted");
  CHECK(escaped(std::string("a\\\x1b\0z", 5)) == "a\\\\\\x1b\\x00z");
  CHECK(escaped("안녕 \xff\xc2\x9b") == "안녕 \\xff\\xc2\\x9b");
}
