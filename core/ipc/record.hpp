#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "ipc/crc32c.hpp"
#include "ipc/layout.hpp"

// Weakened only by a test, which sees that a race detector notices.
#ifndef PROT_TAIL_ORDER
#define PROT_TAIL_ORDER std::memory_order_seq_cst
#endif
#ifndef PROT_HEAD_ORDER
#define PROT_HEAD_ORDER std::memory_order_seq_cst
#endif

/// What spsc_ring.cpp knows of a record in the ring, and prot-top, which only looks.
namespace prot::ipc::detail {

// Seq_cst, not release: each pairs with the peer's sleep ticket, which is loaded next.
inline constexpr std::memory_order kTailOrder = PROT_TAIL_ORDER;
inline constexpr std::memory_order kHeadOrder = PROT_HEAD_ORDER;

inline constexpr std::uint64_t kAlign = 16;
/// The first bytes of a RecordHeader, all that a padding record has.
inline constexpr std::size_t kPaddingHeader = 16;
static_assert(offsetof(RecordHeader, crc) == 12 && offsetof(RecordHeader, sequence) == kPaddingHeader);

[[nodiscard]] constexpr std::uint64_t record_size(std::uint64_t length) noexcept {
  return (sizeof(RecordHeader) + length + kAlign - 1) & ~(kAlign - 1);
}

[[nodiscard]] inline std::uint32_t checksum(const RecordHeader& header, bool whole) noexcept {
  const auto bytes = std::as_bytes(std::span(&header, 1));
  const std::uint32_t front = crc32c(bytes.first(offsetof(RecordHeader, crc)));
  return whole ? crc32c(bytes.subspan(kPaddingHeader), front) : front;
}

[[nodiscard]] inline bool is_padding(const RecordHeader& header) noexcept {
  return header.kind == (kPaddingKind & 0xFFU) && header.version == (kPaddingKind >> 8U);
}

[[nodiscard]] inline bool is_known(std::uint64_t mask, std::uint8_t kind) noexcept {
  return kind != 0xFF && (mask == 0 || ((mask >> (kind % 64U)) & 1U) != 0);
}

/// Copies shared bytes once: volatile, so that the compiler cannot fetch them a second time after the checks.
inline void copy_once(RecordHeader& to, const std::byte* from, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t i = begin; i < end; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = *reinterpret_cast<const volatile std::uint64_t*>(from + i);
    std::memcpy(reinterpret_cast<std::byte*>(&to) + i, &word, sizeof word);
  }
}

}  // namespace prot::ipc::detail
