// Rings of words: what is released is overwritten, what is not stays, and whoever looks on sees which is
// which.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "ring_fixture.hpp"

using namespace prot;
using namespace prot::ipc;
using namespace prot::ipc::test;

namespace {

struct WordsRing : MemoryRing {
  explicit WordsRing(RingUse use = RingUse::kWords) { header.use = use; }
  [[nodiscard]] bool has(std::string_view word) {
    const auto all = std::string_view(reinterpret_cast<const char*>(data()), header.capacity);
    return all.find(word) != std::string_view::npos;
  }
};

}  // namespace

TEST_CASE("what is released is wiped by the next turn of the loop, what is not stays") {
  WordsRing ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  REQUIRE(send(producer, "my PIN is 1234") == PublishResult::kOk);
  REQUIRE(send(producer, "I like tea") == PublishResult::kOk);
  producer.wipe_released();
  CHECK(ring.has("1234"));
  CHECK(take(consumer) == "my PIN is 1234");
  CHECK(ring.has("1234"));  // a consumer writes nothing there
  producer.wipe_released();
  CHECK_FALSE(ring.has("1234"));
  CHECK(ring.record(0).length == 14);  // whoever looks on finds the next one
  CHECK(ring.has("I like tea"));
  CHECK(take(consumer) == "I like tea");
  producer.wipe_released();
  CHECK_FALSE(ring.has("tea"));
}

TEST_CASE("a plain ring is left as it is") {
  WordsRing ring(RingUse::kPlain);
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  REQUIRE(send(producer, "my PIN is 1234") == PublishResult::kOk);
  (void)take(consumer);
  producer.wipe_released();
  CHECK(ring.has("1234"));
}

TEST_CASE("a producer that comes after another one wipes what that one left") {
  WordsRing ring;
  {
    RingProducer producer(ring.memory());
    RingConsumer consumer(ring.memory());
    for (int i = 0; i < 5; ++i) REQUIRE(send(producer, "my PIN is 1234, and so on") == PublishResult::kOk);
    for (int i = 0; i < 5; ++i) (void)take(consumer);
    REQUIRE(send(producer, "I like tea") == PublishResult::kOk);
    std::span<std::byte> half;
    REQUIRE(producer.claim(100, half) == PublishResult::kOk);  // it dies here
    std::fill(half.begin(), half.end(), std::byte{'x'});
  }
  RingProducer producer(ring.memory());
  CHECK_FALSE(ring.has("1234"));
  CHECK_FALSE(ring.has("xx"));
  RingConsumer consumer(ring.memory());
  CHECK(take(consumer) == "I like tea");
  REQUIRE(send(producer, "and milk") == PublishResult::kOk);
  CHECK(take(consumer) == "and milk");
}

TEST_CASE("round and round: of thousands of frames none is left, and none is harmed") {
  WordsRing ring;
  RingProducer producer(ring.memory());
  RingConsumer consumer(ring.memory());
  std::mt19937 random(7);
  std::deque<std::string> sent;
  std::string newest_released;
  for (int i = 0; i < 20'000; ++i) {
    const std::string word = "<" + std::to_string(i) + ">" + std::string(random() % 200, 'a');
    if (random() % 2 == 0 && send(producer, word) == PublishResult::kOk) sent.push_back(word);
    if (random() % 2 == 0 && !sent.empty()) {
      const std::optional<std::string> taken = take(consumer);
      REQUIRE(taken == sent.front());
      newest_released = sent.front().substr(0, sent.front().find('>') + 1);
      sent.pop_front();
    }
    if (random() % 8 != 0) continue;
    producer.wipe_released();
    if (!newest_released.empty()) REQUIRE_FALSE(ring.has(newest_released));
    for (const std::string& one : sent) REQUIRE(ring.has(one));
    if (sent.empty()) REQUIRE_FALSE(ring.has("aaaa"));
  }
  CHECK(producer.next_sequence() > 5'000);
}
