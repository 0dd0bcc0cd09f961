#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "ipc/crc32c.hpp"
#include "ipc/layout.hpp"

// Weakened only by a test, which sees that a race detector notices.
#ifndef PROT_TAIL_ORDER
#define PROT_TAIL_ORDER std::memory_order_release
#endif
#ifndef PROT_HEAD_ORDER
#define PROT_HEAD_ORDER std::memory_order_release
#endif

/// What spsc_ring.cpp knows of a record in the ring, and prot-top, which only looks.
namespace prot::ipc::detail {

// Release is enough for what lies before the index. Whoever looks at a sleep ticket next needs a full fence
// between (WakeTicket::should_wake has it); a side that spins does not pay for it.
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
  if (whole) return crc32c_12_32(bytes.data(), bytes.data() + kPaddingHeader);
  return crc32c(bytes.first(offsetof(RecordHeader, crc)));
}

[[nodiscard]] inline bool is_padding(const RecordHeader& header) noexcept {
  return header.kind == (kPaddingKind & 0xFFU) && header.version == (kPaddingKind >> 8U);
}

[[nodiscard]] inline bool is_known(std::uint64_t mask, std::uint8_t kind) noexcept {
  return kind != 0xFF && (mask == 0 || ((mask >> (kind % 64U)) & 1U) != 0);
}

/// A hint: the line of `p` will be written soon.
inline void fetch_for_writing(const std::byte* p) noexcept {
#if defined(__x86_64__)
  // By name: without options for newer processors the compiler makes a fetch for reading of it.
  asm volatile("prefetchw %0" : : "m"(*p));
#else
  __builtin_prefetch(p, 1);
#endif
}

/// Copies shared bytes once: volatile, so that the compiler cannot fetch them a second time after the checks.
inline void copy_once(RecordHeader& to, const std::byte* from, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t i = begin; i < end; i += sizeof(std::uint64_t)) {
    const std::uint64_t word = *reinterpret_cast<const volatile std::uint64_t*>(from + i);
    std::memcpy(reinterpret_cast<std::byte*>(&to) + i, &word, sizeof word);
  }
}

}  // namespace prot::ipc::detail
