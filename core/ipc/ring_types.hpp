#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "ipc/layout.hpp"

/// What both sides of a ring speak of.
namespace prot::ipc {

enum class [[nodiscard]] PublishResult{kOk, kFull, kTooLarge, kFaulted};
enum class [[nodiscard]] TakeResult{kFrame, kEmpty, kFaulted};

/// What a frame is, without its payload.
struct FrameInfo {
  std::uint8_t kind = 0;
  std::uint8_t version = 1;
  std::uint16_t flags = 0;
  std::uint32_t turn = 0;
  std::uint64_t sequence = 0;  // set by the ring
  Nanos made_ns = 0;
  Nanos published_ns = 0;  // set by the ring
};

/// The input sequences that an output frame covers, by the stage's input index: 1 + sequence; 0: nothing yet.
struct Sources {
  std::uint64_t seq[kMaxSources] = {};
};

/// The parts of one mapped segment that each side may touch. Plain memory: tests use arrays.
struct RingMemory {
  const RingHeader* header = nullptr;
  const RingSupervisorPage* supervisor = nullptr;
  RingProducerPage* producer = nullptr;  // const in spirit for the consumer
  RingConsumerPage* consumer = nullptr;  // const in spirit for the producer
  std::byte* data = nullptr;
};

}  // namespace prot::ipc
