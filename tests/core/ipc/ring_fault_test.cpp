#include <doctest/doctest.h>

#include <functional>

#include "ipc/crc32c.hpp"
#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

std::uint32_t whole_checksum(const RecordHeader& header) {
  const auto all = std::as_bytes(std::span(&header, 1));
  return crc32c(all.subspan(16), crc32c(all.first(12)));
}

/// A record header that a hostile producer has made consistent.
void forge(MemoryRing& memory, std::uint64_t position, const std::function<void(RecordHeader&)>& change) {
  RecordHeader header = memory.record(position);
  change(header);
  header.crc = whole_checksum(header);
  std::memcpy(memory.data() + position % memory.header.capacity, &header, sizeof header);
}

PeerFault fault_of(const Word& word) { return static_cast<PeerFault>(word.load() >> 56U); }

TakeResult look(RingConsumer& consumer) {
  FrameInfo info;
  std::span<const std::byte> payload;
  return consumer.peek(info, payload);
}

void expect_fault(MemoryRing& memory, PeerFault code) {
  RingConsumer consumer(memory.memory());
  REQUIRE(look(consumer) == TakeResult::kFaulted);
  CHECK(fault_of(memory.consumer.fault) == code);
  CHECK(memory.consumer.faults == 1);
  CHECK(memory.consumer.state == static_cast<std::uint32_t>(SideState::kFaulted));
  CHECK(memory.consumer.head == 0);
  CHECK(look(consumer) == TakeResult::kFaulted);  // for good
  CHECK(memory.consumer.faults == 1);
  CHECK_FALSE(consumer.has_data());
}

struct TwoFrames : MemoryRing {
  TwoFrames() {
    RingProducer writer(memory());
    REQUIRE(send(writer, "first") == PublishResult::kOk);
    REQUIRE(send(writer, "second") == PublishResult::kOk);
  }
};

/// A ring whose next record is padding at 960.
struct Wrapped : MemoryRing {
  Wrapped() {
    start_at(960, 5);
    RingProducer writer(memory());
    REQUIRE(send(writer, std::string(100, 'w')) == PublishResult::kOk);
  }
  void damage(const std::function<void(RecordHeader&)>& change) {
    RecordHeader padding = record(960);
    change(padding);
    padding.crc = crc32c(std::as_bytes(std::span(&padding, 1)).first(12));
    std::memcpy(data() + 960, &padding, 16);
  }
  PeerFault result() {
    RingConsumer reader(memory());
    REQUIRE(look(reader) == TakeResult::kFaulted);
    return fault_of(consumer.fault);
  }
};

}  // namespace

TEST_CASE("a consumer refuses impossible tails") {
  SUBCASE("more than the ring holds") {
    TwoFrames memory;
    memory.producer.tail = 2048;
    expect_fault(memory, PeerFault::kIndex);
  }
  SUBCASE("misaligned") {
    TwoFrames memory;
    memory.producer.tail = 129;
    expect_fault(memory, PeerFault::kIndex);
  }
  SUBCASE("behind its own head") {
    TwoFrames memory;
    memory.consumer.head = 256;
    RingConsumer consumer(memory.memory());
    CHECK(look(consumer) == TakeResult::kFaulted);
  }
  SUBCASE("moving backwards") {
    TwoFrames memory;
    RingConsumer consumer(memory.memory());
    (void)take(consumer);
    (void)take(consumer);
    memory.producer.tail = 64;
    CHECK(look(consumer) == TakeResult::kFaulted);
    CHECK(fault_of(memory.consumer.fault) == PeerFault::kIndex);
  }
}

TEST_CASE("a consumer refuses damaged record headers whatever bit it is") {
  for (std::size_t bit = 0; bit < sizeof(RecordHeader) * 8; ++bit) {
    TwoFrames memory;
    memory.data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    RingConsumer consumer(memory.memory());
    REQUIRE(look(consumer) == TakeResult::kFaulted);
  }
}

TEST_CASE("a consumer refuses lengths that a right checksum does not make true") {
  SUBCASE("longer than the largest frame") {
    TwoFrames memory;
    forge(memory, 0, [](RecordHeader& h) { h.length = 257; });
    expect_fault(memory, PeerFault::kLength);
  }
  SUBCASE("longer than the largest frame, where as much was published") {
    MemoryRing memory;
    RingProducer producer(memory.memory());
    for (int i = 0; i < 8; ++i) REQUIRE(send(producer, std::string(40, 'x')) == PublishResult::kOk);
    forge(memory, 0, [](RecordHeader& h) { h.length = 257; });
    RingConsumer consumer(memory.memory());
    CHECK(look(consumer) == TakeResult::kFaulted);
    CHECK(fault_of(memory.consumer.fault) == PeerFault::kLength);
  }
  SUBCASE("beyond the tail") {
    TwoFrames memory;
    forge(memory, 0, [](RecordHeader& h) { h.length = 100; });
    expect_fault(memory, PeerFault::kLength);
  }
  SUBCASE("as long as 32 bits go") {
    TwoFrames memory;
    forge(memory, 0, [](RecordHeader& h) { h.length = 0xFFFFFFFF; });
    expect_fault(memory, PeerFault::kLength);
  }
  SUBCASE("across the end of the ring") {
    MemoryRing memory;
    memory.start_at(960, 5);
    RingProducer producer(memory.memory());
    REQUIRE(send(producer, "0123456789abcdef") == PublishResult::kOk);
    REQUIRE(send(producer, "next") == PublishResult::kOk);
    forge(memory, 960, [](RecordHeader& h) { h.length = 32; });
    RingConsumer consumer(memory.memory());
    CHECK(look(consumer) == TakeResult::kFaulted);
    CHECK(fault_of(memory.consumer.fault) == PeerFault::kLength);
  }
}

TEST_CASE("a consumer refuses kinds that may not flow here") {
  TwoFrames memory;
  memory.header.kind_mask = 1U << 2U;
  expect_fault(memory, PeerFault::kKind);
}

TEST_CASE("a consumer refuses a gap or a repetition in the sequence") {
  for (const std::uint64_t wrong : {0ULL, 2ULL, 7ULL}) {
    TwoFrames memory;
    forge(memory, 64, [&](RecordHeader& h) { h.sequence = wrong; });
    RingConsumer consumer(memory.memory());
    CHECK(take(consumer) == "first");
    CHECK(look(consumer) == TakeResult::kFaulted);
    CHECK(fault_of(memory.consumer.fault) == PeerFault::kSequence);
    CHECK((memory.consumer.fault & ((1ULL << 56U) - 1)) == 64);
  }
}

TEST_CASE("a consumer refuses padding that is not what a producer writes") {
  SUBCASE("it reads right padding") {
    Wrapped memory;
    RingConsumer consumer(memory.memory());
    CHECK(look(consumer) == TakeResult::kFrame);
  }
  SUBCASE("that does not reach the end") {
    Wrapped memory;
    memory.damage([](RecordHeader& h) { h.length = 32; });
    CHECK(memory.result() == PeerFault::kPadding);
  }
  SUBCASE("with a wrong checksum") {
    Wrapped memory;
    memory.data()[960 + 12] ^= std::byte{1};
    CHECK(memory.result() == PeerFault::kPadding);
  }
  SUBCASE("with nothing behind it") {
    Wrapped memory;
    memory.producer.tail = 1024;
    CHECK(memory.result() == PeerFault::kPadding);
  }
  SUBCASE("with padding behind it") {
    Wrapped memory;
    std::memcpy(memory.data(), memory.data() + 960, 16);
    CHECK(memory.result() == PeerFault::kPadding);
  }
}

TEST_CASE("releasing one of several frames checks the records again") {
  TwoFrames memory;
  RingConsumer consumer(memory.memory());
  REQUIRE(peek(consumer));
  REQUIRE(peek(consumer));
  SUBCASE("damaged") { memory.data()[3] ^= std::byte{0x10}; }
  SUBCASE("another sequence") {
    forge(memory, 0, [](RecordHeader& h) { h.sequence = 4; });
  }
  SUBCASE("longer than what was looked at") {
    forge(memory, 0, [](RecordHeader& h) { h.length = 200; });
  }
  consumer.release_through(0, 1);
  CHECK(memory.consumer.head == 0);
  CHECK(look(consumer) == TakeResult::kFaulted);
}

TEST_CASE("a producer refuses impossible heads") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  for (int i = 0; i < 4; ++i) REQUIRE(send(producer, std::string(208, 'f')) == PublishResult::kOk);
  SUBCASE("beyond the tail") { memory.consumer.head = 2048; }
  SUBCASE("misaligned") { memory.consumer.head = 8; }
  SUBCASE("moving backwards") {
    memory.consumer.head = 512;
    REQUIRE(send(producer, "x") == PublishResult::kOk);
    REQUIRE(send(producer, std::string(208, 'f')) == PublishResult::kOk);
    memory.consumer.head = 256;
  }
  CHECK(send(producer, std::string(256, 'x')) == PublishResult::kFaulted);
  CHECK(memory.producer.state == static_cast<std::uint32_t>(SideState::kFaulted));
  CHECK(send(producer, "") == PublishResult::kFaulted);  // for good
}

TEST_CASE("a producer without a fitting resume slot refuses to go on") {
  MemoryRing memory;
  memory.start_at(64, 1);
  memory.producer.slot[0].end = 128;
  RingProducer producer(memory.memory());
  CHECK(send(producer, "x") == PublishResult::kFaulted);
  CHECK(fault_of(memory.producer.fault) == PeerFault::kSlot);
}
