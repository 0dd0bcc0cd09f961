#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/spsc_ring.hpp"

namespace prot::ipc::test {

/// A ring over plain memory whose positions a test sets by hand.
class MemoryRing {
 public:
  explicit MemoryRing(std::uint64_t capacity = 1024, std::uint32_t max_frame = 0)
      : data_((capacity + sizeof(Block) - 1) / sizeof(Block)) {
    header.capacity = capacity;
    header.max_frame = max_frame != 0 ? max_frame : static_cast<std::uint32_t>(capacity / 4);
    header.align = 16;
    header.policy = Policy::kBlock;
  }

  /// As if a producer had committed `sequence` frames that end at `position`, all of them released.
  void start_at(std::uint64_t position, std::uint64_t sequence) {
    producer.tail = position;
    consumer.head = position;
    producer.slot[0].end = position;
    producer.slot[0].sequence = sequence - 1;
  }

  [[nodiscard]] RingMemory memory() { return {&header, &supervisor, &producer, &consumer, data()}; }
  [[nodiscard]] std::byte* data() { return data_.front().bytes; }
  [[nodiscard]] RecordHeader record(std::uint64_t position) {
    RecordHeader copy;
    std::memcpy(&copy, data() + position % header.capacity, sizeof copy);
    return copy;
  }

  RingHeader header{};
  RingSupervisorPage supervisor{};
  RingProducerPage producer{};
  RingConsumerPage consumer{};

 private:
  struct alignas(16) Block {
    std::byte bytes[16];
  };
  std::vector<Block> data_;
};

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text(std::span<const std::byte> payload) {
  return {reinterpret_cast<const char*>(payload.data()), payload.size()};
}

inline PublishResult send(RingProducer& ring, std::string_view payload, const Sources& sources = {}) {
  FrameInfo info;
  info.kind = 1;
  return ring.publish(info, bytes(payload), sources, 1);
}

/// The payload of the next frame; nothing: empty or faulted.
inline std::optional<std::string> peek(RingConsumer& ring, FrameInfo* info = nullptr) {
  FrameInfo ignored;
  std::span<const std::byte> payload;
  if (ring.peek(info != nullptr ? *info : ignored, payload) != TakeResult::kFrame) return std::nullopt;
  return text(payload);
}

inline std::optional<std::string> take(RingConsumer& ring) {
  auto payload = peek(ring);
  ring.release(1);
  return payload;
}

/// The bytes that a record of `payload` bytes takes.
inline std::uint64_t record_bytes(std::uint64_t payload) { return (48 + payload + 15) / 16 * 16; }

}  // namespace prot::ipc::test
