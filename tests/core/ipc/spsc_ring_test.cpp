#include <doctest/doctest.h>

#include <set>

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

TEST_CASE("several frames may be in hand; they are released in order") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  for (const char* payload : {"a", "b", "c", "d"}) REQUIRE(send(producer, payload) == PublishResult::kOk);
  CHECK(peek(consumer) == "a");
  CHECK(peek(consumer) == "b");
  CHECK(peek(consumer) == "c");
  CHECK(consumer.in_hand() == 3);
  CHECK(memory.consumer.head == 0);
  CHECK(memory.consumer.processing_seq == 3);

  consumer.release_through(1, 1);
  CHECK(memory.consumer.head == 128);
  CHECK(memory.consumer.processing_seq == 3);
  consumer.release_through(0, 1);  // long gone
  CHECK(memory.consumer.head == 128);

  consumer.rewind();
  CHECK(peek(consumer) == "c");
  CHECK(peek(consumer) == "d");
  consumer.release_through(1000, 1);  // no more than was looked at
  CHECK(memory.consumer.head == 256);
  CHECK(memory.consumer.processing_seq == 0);
  CHECK(memory.consumer.frames == 4);
  CHECK_FALSE(peek(consumer));
}

TEST_CASE("releasing with nothing in hand changes nothing") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  consumer.release(1);
  consumer.release_through(5, 1);
  REQUIRE(send(producer, "a") == PublishResult::kOk);
  CHECK(peek(consumer) == "a");
  consumer.rewind();
  consumer.release(1);
  consumer.release_through(0, 1);
  CHECK(memory.consumer.head == 0);
  CHECK(take(consumer) == "a");
}

TEST_CASE("frames in hand are released one by one across the wrap") {
  MemoryRing memory;
  memory.start_at(1024 - 80, 10);
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  for (int i = 0; i < 6; ++i) REQUIRE(send(producer, std::string(60, 'a')) == PublishResult::kOk);
  for (int i = 0; i < 6; ++i) REQUIRE(peek(consumer));
  for (std::uint64_t sequence = 10; sequence < 16; ++sequence) {
    consumer.release_through(sequence, 1);
    CHECK(consumer.in_hand() == 15 - sequence);
  }
  CHECK(memory.consumer.head == producer.tail());
  CHECK(memory.consumer.state == static_cast<std::uint32_t>(SideState::kAttached));
}

TEST_CASE("a consumer that dies meets again what it did not release") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  for (const char* payload : {"a", "b", "c"}) REQUIRE(send(producer, payload) == PublishResult::kOk);
  {
    RingConsumer consumer(memory.memory());
    CHECK(take(consumer) == "a");
    CHECK(peek(consumer) == "b");
  }
  RingConsumer successor(memory.memory());
  FrameInfo info;
  CHECK(peek(successor, &info) == "b");
  CHECK(info.sequence == 1);
  CHECK(peek(successor) == "c");
}

TEST_CASE("a producer that dies before the commit has published nothing, and its successor goes on") {
  MemoryRing memory;
  RingConsumer consumer(memory.memory());
  Sources covered;
  covered.seq[0] = 11;
  covered.seq[2] = 22;
  {
    RingProducer producer(memory.memory());
    REQUIRE(send(producer, "a", covered) == PublishResult::kOk);
    std::span<std::byte> room;
    REQUIRE(producer.claim(10, room) == PublishResult::kOk);
    std::memcpy(room.data(), "half a fra", 10);
  }
  // As far as a death right before the tail store can get: the slot that is not in use is written.
  memory.producer.slot[1].end = 128;
  memory.producer.slot[1].sequence = 1;
  memory.producer.slot[1].source[0] = 99;
  RingProducer successor(memory.memory());
  CHECK(successor.next_sequence() == 1);
  CHECK(successor.resume_sources().seq[0] == 11);
  CHECK(successor.resume_sources().seq[1] == 0);
  CHECK(successor.resume_sources().seq[2] == 22);
  REQUIRE(send(successor, "b") == PublishResult::kOk);
  CHECK(memory.producer.slot[0].end == 64);  // the slot in use stays until the commit
  CHECK(take(consumer) == "a");
  CHECK(take(consumer) == "b");
}

TEST_CASE("the two resume slots alternate and the newest always fits the tail") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  RingConsumer consumer(memory.memory());
  for (std::uint64_t i = 0; i < 40; ++i) {
    Sources sources;
    sources.seq[1] = 100 + i;
    REQUIRE(send(producer, "x", sources) == PublishResult::kOk);
    REQUIRE(take(consumer));
    const RingProducer successor(memory.memory());
    CHECK(successor.next_sequence() == i + 1);
    CHECK(successor.resume_sources().seq[1] == 100 + i);
    CHECK(memory.producer.slot[i % 2].sequence == i);
  }
}

TEST_CASE("what a frame covered stays covered when the next one names no source") {
  MemoryRing memory;
  RingProducer producer(memory.memory());
  Sources sources;
  sources.seq[0] = 5;
  REQUIRE(send(producer, "a", sources) == PublishResult::kOk);
  REQUIRE(send(producer, "b") == PublishResult::kOk);
  CHECK(RingProducer(memory.memory()).resume_sources().seq[0] == 5);
}

TEST_CASE("a restarted stage skips what its output already covers, exactly") {
  MemoryRing input;
  MemoryRing output;
  RingProducer feeder(input.memory());
  for (const char* payload : {"a", "b", "c"}) REQUIRE(send(feeder, payload) == PublishResult::kOk);
  {  // dies between the output's commit and the input's release
    RingConsumer in(input.memory());
    RingProducer out(output.memory());
    FrameInfo info;
    const auto payload = peek(in, &info);
    Sources sources;
    sources.seq[0] = info.sequence + 1;
    REQUIRE(send(out, *payload, sources) == PublishResult::kOk);
  }
  RingConsumer in(input.memory());
  const RingProducer out(output.memory());
  in.skip_through(out.resume_sources().seq[0] - 1, 1);
  CHECK(input.consumer.skipped_frames == 1);
  CHECK(input.consumer.frames == 0);
  CHECK(take(in) == "b");
  CHECK(take(in) == "c");
  in.skip_through(1000, 1);  // nothing is there: nothing happens
  CHECK(input.consumer.skipped_frames == 1);
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

TEST_CASE("stale frames go by one store, up to the first that is not") {
  MemoryRing memory(4096);
  memory.start_at(4096 - 112, 0);  // one frame, then a padding record
  RingProducer producer(memory.memory());
  const auto send_turn = [&](std::uint32_t turn) {
    FrameInfo info;
    info.kind = 1;
    info.turn = turn;
    REQUIRE(producer.publish(info, bytes("12345678901234567890"), {}, 1) == PublishResult::kOk);
  };
  RingConsumer consumer(memory.memory());
  SUBCASE("a newer turn stays") {
    for (const std::uint32_t turn : {1, 1, 2, 3, 2}) send_turn(turn);
    REQUIRE(peek(consumer));
    const std::uint64_t head = memory.consumer.head;
    CHECK(consumer.release_stale(2, 5) == 3);
    CHECK(memory.consumer.head > head);
    FrameInfo info;
    REQUIRE(peek(consumer, &info));
    CHECK(info.turn == 3);  // and what it hides is looked at when its time comes
    CHECK(memory.consumer.stale_frames == 3);
    CHECK(memory.consumer.frames == 3);
    CHECK(memory.consumer.last_release_ns == 5);
  }
  SUBCASE("a frame without a turn stays: the end of the stream") {
    for (const std::uint32_t turn : {1, 0, 1}) send_turn(turn);
    REQUIRE(peek(consumer));
    CHECK(consumer.release_stale(9, 5) == 1);
    CHECK(consumer.used() == 32 + 2 * record_bytes(20));  // with the padding
  }
  SUBCASE("what was published since the last look goes with it") {
    send_turn(1);
    REQUIRE(peek(consumer));
    for (int i = 0; i < 9; ++i) send_turn(1);
    CHECK(consumer.release_stale(1, 5) == 10);
    CHECK(consumer.used() == 0);
    CHECK(memory.consumer.processing_seq == 0);
  }
  SUBCASE("damage behind them ends the walk and is told") {
    for (int i = 0; i < 3; ++i) send_turn(1);
    const std::uint64_t third = memory.producer.tail - record_bytes(20);
    memory.data()[third % 4096 + 20] ^= std::byte{1};
    REQUIRE(peek(consumer));
    CHECK(consumer.release_stale(1, 5) == 2);
    CHECK(memory.consumer.head == third);
    CHECK(memory.consumer.faults == 1);
    CHECK_FALSE(peek(consumer));
  }
}

TEST_CASE("a producer that was replaced publishes nothing and leaves its page alone") {
  MemoryRing memory;
  memory.supervisor.producer_generation = 1;
  RingProducer zombie(memory.memory(), 1);
  REQUIRE(send(zombie, "a") == PublishResult::kOk);
  CHECK(zombie.is_current());
  memory.supervisor.producer_generation = 2;
  RingProducer successor(memory.memory(), 2);
  REQUIRE(send(successor, "b") == PublishResult::kOk);
  const RingProducerPage& page = memory.producer;
  const std::uint64_t tail = page.tail;
  CHECK_FALSE(zombie.is_current());
  CHECK(send(zombie, "x") == PublishResult::kFaulted);
  RingProducer late(memory.memory(), 1);  // it only now comes to attach
  CHECK(send(late, "y") == PublishResult::kFaulted);
  CHECK(page.tail == tail);
  CHECK(page.generation == 2);
  CHECK(page.state == static_cast<std::uint32_t>(SideState::kAttached));
  CHECK(page.fault == 0);
  REQUIRE(send(successor, "c") == PublishResult::kOk);
  RingConsumer consumer(memory.memory());
  for (const char* expected : {"a", "b", "c"}) CHECK(take(consumer) == expected);
  CHECK_FALSE(take(consumer));
}

TEST_CASE("a consumer that was replaced releases nothing, not even what it has in hand") {
  MemoryRing memory;
  memory.supervisor.consumer_generation = 1;
  RingProducer producer(memory.memory());
  for (const char* payload : {"a", "b", "c"}) REQUIRE(send(producer, payload) == PublishResult::kOk);
  RingConsumer zombie(memory.memory(), 1);
  REQUIRE(peek(zombie) == "a");
  memory.supervisor.consumer_generation = 2;
  RingConsumer successor(memory.memory(), 2);
  CHECK(take(successor) == "a");
  CHECK(take(successor) == "b");
  const std::uint64_t head = memory.consumer.head;
  zombie.release(1);
  CHECK_FALSE(peek(zombie));
  zombie.skip_through(2, 1);
  CHECK(memory.consumer.head == head);
  CHECK(memory.consumer.generation == 2);
  CHECK(memory.consumer.state == static_cast<std::uint32_t>(SideState::kAttached));
  CHECK(take(successor) == "c");
  REQUIRE(send(producer, "d") == PublishResult::kOk);  // its view of head was not set back
  CHECK(take(successor) == "d");
}

TEST_CASE("each side says which generation it is") {
  MemoryRing memory;
  memory.supervisor.producer_generation = 3;
  memory.supervisor.consumer_generation = 4;
  const RingProducer producer(memory.memory());
  const RingConsumer consumer(memory.memory());
  CHECK(memory.producer.generation == 3);
  CHECK(memory.consumer.generation == 4);
}
