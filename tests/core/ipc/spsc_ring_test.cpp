#include <doctest/doctest.h>

#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

TEST_CASE("a frame comes out as it went in") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  FrameInfo sent;
  sent.kind = 7;
  sent.version = 3;
  sent.flags = kFlagResync;
  sent.turn = 42;
  sent.made_ns = 1234;
  Sources sources;
  sources.seq[0] = 9;
  REQUIRE(producer.publish(sent, bytes("hello"), sources, 5678) == PublishResult::kOk);

  FrameInfo got;
  std::span<const std::byte> payload;
  REQUIRE(consumer.peek(got, payload) == TakeResult::kFrame);
  CHECK(text(payload) == "hello");
  CHECK(got.kind == 7);
  CHECK(got.version == 3);
  CHECK(got.flags == kFlagResync);
  CHECK(got.turn == 42);
  CHECK(got.sequence == 0);
  CHECK(got.made_ns == 1234);
  CHECK(got.published_ns == 5678);
  CHECK(memory.record(0).source_sequence == 9);
}

TEST_CASE("an empty ring is empty, and again after the last release") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  CHECK_FALSE(consumer.has_data());
  CHECK_FALSE(peek(consumer));
  REQUIRE(send(producer, "a") == PublishResult::kOk);
  CHECK(consumer.has_data());
  CHECK(take(consumer) == "a");
  CHECK_FALSE(consumer.has_data());
  CHECK_FALSE(peek(consumer));
  CHECK(producer.used() == 0);
  CHECK(consumer.used() == 0);
}

TEST_CASE("a frame without payload is a frame") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  REQUIRE(send(producer, "") == PublishResult::kOk);
  CHECK(producer.used() == 48);
  CHECK(take(consumer) == "");
}

TEST_CASE("a frame that does not fit before the end goes to the beginning behind padding") {
  MemoryRing memory;
  memory.start_at(1024 - 64, 5);
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  const std::string payload(100, 'x');
  REQUIRE(send(producer, payload) == PublishResult::kOk);
  CHECK(producer.tail() == 1024 + record_bytes(100));
  CHECK(memory.record(1024).length == 100);
  CHECK(memory.record(960).kind == 0xFF);
  CHECK(memory.record(960).version == 0xFF);
  CHECK(memory.record(960).length == 48);
  FrameInfo info;
  CHECK(peek(consumer, &info) == payload);
  CHECK(info.sequence == 5);
  consumer.release(1);
  CHECK(memory.consumer.head == producer.tail());
}

TEST_CASE("a frame that ends exactly at the end needs no padding, and the next begins at the beginning") {
  MemoryRing memory;
  memory.start_at(1024 - 64, 1);
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  REQUIRE(send(producer, "0123456789abcdef") == PublishResult::kOk);
  CHECK(producer.tail() == 1024);
  REQUIRE(send(producer, "next") == PublishResult::kOk);
  CHECK(memory.record(1024).length == 4);
  CHECK(take(consumer) == "0123456789abcdef");
  CHECK(take(consumer) == "next");
}

TEST_CASE("padding of exactly sixteen bytes is enough for its header") {
  MemoryRing memory;
  memory.start_at(1024 - 16, 1);
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  REQUIRE(send(producer, "") == PublishResult::kOk);
  CHECK(memory.record(1024 - 16 - 32).sequence == 0);  // the record before it is untouched
  CHECK(producer.tail() == 1024 + 48);
  CHECK(take(consumer) == "");
}

TEST_CASE("every length up to the largest fits at every position, and one byte more is refused") {
  for (std::uint64_t position = 0; position < 1024; position += 16) {
    for (const std::size_t length : {0U, 1U, 15U, 16U, 17U, 100U, 255U, 256U}) {
      MemoryRing memory;
      memory.start_at(1024 + position, 3);
      RingProducer producer(memory.memory());
      RingConsumer consumer(memory.memory());
      const std::string payload(length, 'y');
      REQUIRE(send(producer, payload) == PublishResult::kOk);
      REQUIRE(take(consumer) == payload);
      REQUIRE(send(producer, std::string(257, 'z')) == PublishResult::kTooLarge);
      REQUIRE_FALSE(consumer.has_data());
    }
  }
}

TEST_CASE("a ring can be full to the last byte and takes again after a release") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  const std::string payload(256 - 48, 'f');
  for (int i = 0; i < 4; ++i) REQUIRE(send(producer, payload) == PublishResult::kOk);
  CHECK(producer.used() == 1024);
  CHECK(send(producer, "") == PublishResult::kFull);
  CHECK(memory.producer.tail == 1024);
  CHECK(take(consumer) == payload);
  CHECK(send(producer, payload) == PublishResult::kOk);
  CHECK(send(producer, "") == PublishResult::kFull);
  for (int i = 0; i < 4; ++i) CHECK(take(consumer) == payload);
  CHECK(memory.producer.high_water_bytes == 1024);
}

TEST_CASE("padding counts as used: a frame is refused although its own bytes would fit") {
  MemoryRing memory;
  memory.start_at(1024 - 32, 1);
  RingProducer producer(memory.memory());
  for (int i = 0; i < 3; ++i) REQUIRE(send(producer, std::string(256, 'a')) == PublishResult::kOk);
  // 32 + 3 * 304 = 944 used, 80 free.
  CHECK(send(producer, std::string(33, 'b')) == PublishResult::kFull);
  CHECK(send(producer, std::string(32, 'b')) == PublishResult::kOk);
}

TEST_CASE("positions beyond 32 and 63 bits count on") {
  for (const std::uint64_t start : {(1ULL << 32U) - 64, (1ULL << 63U) - 64}) {
    MemoryRing memory;
    memory.start_at(start, 77);
    RingProducer producer(memory.memory());
    RingConsumer consumer(memory.memory());
    for (int i = 0; i < 50; ++i) {
      const std::string payload = std::to_string(i);
      REQUIRE(send(producer, payload) == PublishResult::kOk);
      REQUIRE(take(consumer) == payload);
    }
    CHECK(producer.next_sequence() == 127);
  }
}

TEST_CASE("a claim that is not committed is given up") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  std::span<std::byte> room;
  REQUIRE(producer.claim(200, room) == PublishResult::kOk);
  REQUIRE(send(producer, "other") == PublishResult::kOk);
  CHECK(take(consumer) == "other");
  producer.commit(200, {}, {}, 1);  // no claim is open
  CHECK_FALSE(consumer.has_data());
}

TEST_CASE("an aborted claim publishes and counts nothing") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  std::span<std::byte> room;
  REQUIRE(producer.claim(200, room) == PublishResult::kOk);
  producer.abort();
  producer.commit(200, {}, {}, 1);  // no claim is open
  CHECK_FALSE(consumer.has_data());
  CHECK(producer.used() == 0);
  CHECK(memory.producer.frames == 0);
  producer.abort();  // nothing to give up
  REQUIRE(send(producer, "next") == PublishResult::kOk);
  CHECK(take(consumer) == "next");
}

TEST_CASE("a batch ends when nothing more is known, or with an eighth of the ring in hand") {
  MemoryRing memory(4096);
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  CHECK(consumer.batch_ends());
  const std::string payload(128 - 48, 'b');  // a quarter of a batch
  for (int i = 0; i < 6; ++i) REQUIRE(send(producer, payload) == PublishResult::kOk);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(peek(consumer));
    CHECK_FALSE(consumer.batch_ends());
  }
  REQUIRE(peek(consumer));
  CHECK(consumer.batch_ends());  // 512 of 4096 bytes
  CHECK(memory.consumer.head == 0);
  consumer.release(1);
  CHECK(memory.consumer.head == 512);
  CHECK(memory.consumer.frames == 4);
  REQUIRE(peek(consumer));
  CHECK_FALSE(consumer.batch_ends());
  REQUIRE(peek(consumer));
  CHECK(consumer.batch_ends());  // the last that is known
}

TEST_CASE("preparing changes nothing, wherever the next frame would be") {
  for (std::uint64_t position = 0; position < 1024; position += 16) {
    MemoryRing memory;
    memory.start_at(1024 + position, 3);
    RingProducer producer(memory.memory());
    RingConsumer consumer(memory.memory());
    while (send(producer, "full up") == PublishResult::kOk) {
      producer.prepare(0);
      producer.prepare(256);
      producer.prepare(100'000);
    }
    producer.prepare(256);
    int frames = 0;
    while (take(consumer) == "full up") ++frames;
    CHECK(frames > 10);
    CHECK(memory.consumer.state == static_cast<std::uint32_t>(SideState::kAttached));
  }
}

TEST_CASE("a claim may be committed shorter, never longer") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  std::span<std::byte> room;
  REQUIRE(producer.claim(8, room) == PublishResult::kOk);
  std::memcpy(room.data(), "abcdefgh", 8);
  producer.commit(3, {}, {}, 1);
  REQUIRE(producer.claim(2, room) == PublishResult::kOk);
  std::memcpy(room.data(), "xy", 2);
  producer.commit(100, {}, {}, 1);
  CHECK(take(consumer) == "abc");
  CHECK(take(consumer) == "xy");
}

TEST_CASE("counters say what flowed, and a successor repairs those that its predecessor left behind") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  REQUIRE(send(producer, "a") == PublishResult::kOk);
  REQUIRE(send(producer, "b") == PublishResult::kOk);
  producer.count_drop();
  (void)take(consumer);
  CHECK(memory.producer.frames == 2);
  CHECK(memory.producer.bytes == 128);
  CHECK(memory.producer.drops == 1);
  CHECK(memory.producer.last_publish_ns == 1);
  CHECK(memory.producer.high_water_bytes == 128);
  CHECK(memory.consumer.frames == 1);
  CHECK(memory.consumer.bytes == 64);
  memory.producer.frames = 1;  // died between tail and counter
  const RingProducer successor(memory.memory());
  CHECK(memory.producer.frames == 2);
}
