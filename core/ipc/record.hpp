#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
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

/// A header as the words that are moved: a wide load of what was just stored piece by piece would have to
/// wait.
struct HeaderWords {
  std::uint64_t word[6];
};
static_assert(std::endian::native == std::endian::little && sizeof(HeaderWords) == sizeof(RecordHeader));
static_assert(offsetof(RecordHeader, kind) == 4 && offsetof(RecordHeader, version) == 5);
static_assert(offsetof(RecordHeader, flags) == 6 && offsetof(RecordHeader, turn) == 8);
static_assert(offsetof(RecordHeader, made_ns) == 24 && offsetof(RecordHeader, published_ns) == 32);

[[nodiscard]] inline HeaderWords words_of(const RecordHeader& header) noexcept {
  return {{std::uint64_t{header.length} | std::uint64_t{header.kind} << 32U |
               std::uint64_t{header.version} << 40U | std::uint64_t{header.flags} << 48U,
           std::uint64_t{header.turn} | std::uint64_t{header.crc} << 32U, header.sequence,
           static_cast<std::uint64_t>(header.made_ns), static_cast<std::uint64_t>(header.published_ns),
           header.source_sequence}};
}

[[nodiscard]] inline std::uint32_t checksum(const RecordHeader& header, bool whole) noexcept {
  const HeaderWords words = words_of(header);
  if (whole) return crc32c_header(words.word);
  return crc32c(std::as_bytes(std::span(words.word)).first(offsetof(RecordHeader, crc)));
}

[[nodiscard]] inline bool is_padding(const RecordHeader& header) noexcept {
  return header.kind == (kPaddingKind & 0xFFU) && header.version == (kPaddingKind >> 8U);
}

[[nodiscard]] inline bool is_known(std::uint64_t mask, std::uint8_t kind) noexcept {
  return kind != 0xFF && (mask == 0 || ((mask >> (kind % 64U)) & 1U) != 0);
}

inline constexpr std::uint64_t kCacheLine = 64;
/// A hint: the line of `p` will be written soon.
inline void fetch_for_writing(const std::byte* p) noexcept {
#if defined(__x86_64__)
  // By name: without options for newer processors the compiler makes a fetch for reading of it.
  asm volatile("prefetchw %0" : : "m"(*p));
#else
  __builtin_prefetch(p, 1);
#endif
}

/// Volatile: each word is stored once, as it is.
inline void put_header(std::byte* to, const RecordHeader& header) noexcept {
  const HeaderWords words = words_of(header);
  auto* place = reinterpret_cast<volatile std::uint64_t*>(to);
  for (const std::uint64_t word : words.word) *place++ = word;
}

/// Fetches shared bytes once: volatile, so that the compiler cannot fetch them a second time after the
/// checks.
inline void copy_front(RecordHeader& to, const std::byte* from) noexcept {
  const auto* place = reinterpret_cast<const volatile std::uint64_t*>(from);
  const std::uint64_t first = place[0];
  const std::uint64_t second = place[1];
  to.length = static_cast<std::uint32_t>(first);
  to.kind = static_cast<std::uint8_t>(first >> 32U);
  to.version = static_cast<std::uint8_t>(first >> 40U);
  to.flags = static_cast<std::uint16_t>(first >> 48U);
  to.turn = static_cast<std::uint32_t>(second);
  to.crc = static_cast<std::uint32_t>(second >> 32U);
}
/// The rest of a header that is not padding.
inline void copy_rest(RecordHeader& to, const std::byte* from) noexcept {
  const auto* place = reinterpret_cast<const volatile std::uint64_t*>(from) + 2;
  to.sequence = place[0];
  to.made_ns = static_cast<std::int64_t>(place[1]);
  to.published_ns = static_cast<std::int64_t>(place[2]);
  to.source_sequence = place[3];
}

}  // namespace prot::ipc::detail
