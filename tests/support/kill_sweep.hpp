#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>

#include "tests/core/ipc/ring_fixture.hpp"
#include "tests/support/stepped_child.hpp"

/// What the kill sweep stands on: rings that survive a child, the oracle, and the child itself.
namespace prot::ipc::test {

inline constexpr std::uint64_t kCapacity = 16384;
inline constexpr std::uint64_t kFrames = 8;  // all that flow from one producer in one scenario
inline constexpr std::size_t kLength = 1024;

/// What a run of one kill point did wrong.
struct Verdict {
  int lost = 0, duplicated = 0, torn = 0, stuck = 0;
  [[nodiscard]] bool clean() const { return lost + duplicated + torn + stuck == 0; }
  void operator+=(const Verdict& other) {
    lost += other.lost;
    duplicated += other.duplicated;
    torn += other.torn;
    stuck += other.stuck;
  }
};

struct SharedRing {
  alignas(kPage) RingHeader header;
  alignas(kPage) RingSupervisorPage supervisor;
  alignas(kPage) RingProducerPage producer;
  alignas(kPage) RingConsumerPage consumer;
  alignas(kPage) std::byte data[kCapacity];
  [[nodiscard]] RingMemory memory() { return {&header, &supervisor, &producer, &consumer, data}; }
};

/// What survives the child.
struct World {
  SharedRing input;
  SharedRing second;  // input
  SharedRing output;
  std::atomic<int> done;       // the child's operation has returned
  std::atomic<int> processed;  // what a consumer without output has made of its frame: 1 right, -1 torn

  void reset(std::uint64_t start) {
    std::memset(static_cast<void*>(this), 0, sizeof *this);
    for (SharedRing* ring : {&input, &second, &output}) {
      ring->header.capacity = kCapacity;
      ring->header.max_frame = kCapacity / 4;
      ring->header.align = 16;
      ring->producer.tail = ring->consumer.head = ring->producer.slot[0].end = start;
      ring->producer.slot[0].sequence = UINT64_MAX;  // the next one is 0
    }
  }
};

/// One value for each frame: cheap to write, so that the steps are the ring's; a torn frame mixes two of
/// them.
inline void fill(std::span<std::byte> payload, std::uint64_t number) {
  std::memset(payload.data(), static_cast<int>(number + 1), payload.size());
}

inline bool is_right(std::span<const std::byte> payload, std::uint64_t number) {
  return payload.size() == kLength && payload.front() == static_cast<std::byte>(number + 1) &&
         std::memcmp(payload.data(), payload.data() + 1, kLength - 1) == 0;
}

/// Frame `number` with the content that follows from the number.
inline bool send_number(RingProducer& ring, std::uint64_t number, const Sources& sources = {},
                        std::uint32_t turn = 0) {
  std::span<std::byte> room;
  if (ring.claim(kLength, room) != PublishResult::kOk) return false;
  fill(room, number);
  FrameInfo info;
  info.kind = 1;
  info.turn = turn;
  ring.commit(kLength, info, sources, 1);
  return true;
}

/// A producer on `ring` that goes on where the last one stopped, until so many frames were sent in all.
inline void feed(SharedRing& ring, std::uint64_t frames, std::uint32_t turn = 0) {
  RingProducer producer(ring.memory());
  for (std::uint64_t i = producer.next_sequence(); i < frames; ++i) send_number(producer, i, {}, turn);
}

/// Drains a ring that must hold frames first .. total - 1, once each.
inline Verdict drain(SharedRing& ring, std::uint64_t first = 0, std::uint64_t total = kFrames) {
  Verdict verdict;
  RingConsumer consumer(ring.memory());
  std::uint64_t expected = first;
  for (;;) {
    FrameInfo info;
    std::span<const std::byte> payload;
    const TakeResult result = consumer.peek(info, payload);
    if (result == TakeResult::kEmpty) break;
    if (result == TakeResult::kFaulted) {
      ++verdict.stuck;
      break;
    }
    // A frame says its own number; where it stands in the ring says which one it should be.
    std::uint64_t number = 0;
    while (number < total && !is_right(payload, number)) ++number;
    if (number == total) ++verdict.torn;
    if (number < expected) ++verdict.duplicated;
    if (number > expected && number < total) verdict.lost += static_cast<int>(number - expected);
    expected = std::max(expected, std::min(number, total - 1) + 1);
    consumer.release(1);
  }
  verdict.lost += static_cast<int>(total - std::min(expected, total));
  return verdict;
}

/// What a sweep over one operation has seen.
struct Sum {
  std::uint64_t states = 0;  // looked at as a copy, without a kill
  std::uint64_t kills = 0;
  Verdict verdict;
};

/// One operation of one process: what it does before, the stretch in which it dies at each instruction, and
/// what its successor and the oracle make of what it left.
struct Scenario {
  const char* name;
  std::uint64_t start;  // position of all rings
  void (*prepare)(World&);
  std::function<void()> (*operation)(
      World&);  // built, as far as it is not part of the stretch; then the stretch
  Verdict (*finish)(World&);
  bool must_fail = false;  // a control: shows that the oracle sees this fault
};
[[nodiscard]] std::span<const Scenario> ring_scenarios();

/// The same over real segments and bells, which cannot be copied: kills only, every `stride` instructions.
struct ChannelScenario {
  const char* name;
  Sum (*sweep)(World&, std::uint64_t stride);
  bool must_fail = false;
};
[[nodiscard]] std::span<const ChannelScenario> channel_scenarios();

}  // namespace prot::ipc::test
