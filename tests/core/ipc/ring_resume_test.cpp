// What is in hand, what a death leaves, and who may go on.
#include <doctest/doctest.h>

#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

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

TEST_CASE("a consumer that was replaced leaves the counters and the frame in hand to its successor") {
  MemoryRing memory;
  memory.supervisor.consumer_generation = 1;
  RingProducer producer(memory.memory());
  for (int i = 0; i < 3; ++i) {
    FrameInfo info;
    info.kind = 1;
    info.turn = 1;
    REQUIRE(producer.publish(info, bytes("a"), {}, 1) == PublishResult::kOk);
  }
  RingConsumer zombie(memory.memory(), 1);
  REQUIRE(peek(zombie));
  memory.supervisor.consumer_generation = 2;
  RingConsumer successor(memory.memory(), 2);
  REQUIRE(peek(successor));
  const std::uint64_t in_hand = memory.consumer.processing_seq;
  REQUIRE(in_hand != 0);
  zombie.rewind();
  CHECK(memory.consumer.processing_seq == in_hand);  // else a frame that kills would not be known
  CHECK(zombie.release_stale(1, 1) == 0);
  CHECK(memory.consumer.stale_frames == 0);
  CHECK(successor.release_stale(1, 2) == 3);
  CHECK(memory.consumer.stale_frames == 3);
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
