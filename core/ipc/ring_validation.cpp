#include "ipc/ring_validation.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "ipc/crc32c.hpp"

namespace prot::ipc {
namespace {
constexpr std::uint64_t kAlign = 16;
constexpr std::uint64_t kMinCapacity = 64U << 10U;
constexpr std::uint64_t kMaxCapacity = 1U << 30U;
}  // namespace

RingFault validate_ring(const RingMemory& memory, std::size_t size) noexcept {
  if (memory.header == nullptr || size < kDataOffset) return RingFault::kSize;
  const RingHeader& header = *memory.header;
  const std::uint64_t magic = header.magic.load(std::memory_order_acquire);
  if (magic == 0) return RingFault::kNotReady;
  if (magic != kRingMagic) return RingFault::kMagic;
  if (header.abi_major != kAbiMajor) return RingFault::kVersion;
  std::array<std::byte, offsetof(RingHeader, crc)> bytes;
  std::memcpy(bytes.data(), &magic, sizeof magic);
  std::memcpy(bytes.data() + sizeof magic, reinterpret_cast<const std::byte*>(&header) + sizeof magic,
              bytes.size() - sizeof magic);
  if (crc32c(bytes) != header.crc) return RingFault::kChecksum;
  const std::uint64_t capacity = header.capacity;
  if (!std::has_single_bit(capacity) || capacity < kMinCapacity || capacity > kMaxCapacity ||
      header.align != kAlign || header.max_frame > capacity / 4 || header.header_size < sizeof(RingHeader) ||
      size != kDataOffset + capacity)
    return RingFault::kSize;
  if (memory.producer == nullptr || memory.consumer == nullptr) return RingFault::kOk;
  // A live peer moves its index between the two loads; head before tail, and a few tries, tell that from
  // damage.
  for (int attempt = 0; attempt < 100; ++attempt) {
    const std::uint64_t head = memory.consumer->head.load(std::memory_order_acquire);
    const std::uint64_t tail = memory.producer->tail.load(std::memory_order_acquire);
    if (head <= tail && tail - head <= capacity && head % kAlign == 0 && tail % kAlign == 0)
      return RingFault::kOk;
  }
  return RingFault::kIndex;
}

const char* to_string(RingFault fault) noexcept {
  switch (fault) {
    case RingFault::kOk:
      return "ok";
    case RingFault::kNotReady:
      return "it is not ready yet";
    case RingFault::kMagic:
      return "it is not a prot ring";
    case RingFault::kVersion:
      return "its layout has another version";
    case RingFault::kSize:
      return "its size does not fit its header";
    case RingFault::kChecksum:
      return "its header is damaged";
    case RingFault::kIndex:
      return "its positions are damaged";
  }
  return "unknown";
}

}  // namespace prot::ipc
