#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

/// The bytes of a ring segment, as in doc/shared-memory.md. Little-endian, fixed offsets; every field has
/// exactly one writer; pages are separate so that each side maps the other's page read-only. No pointer, lock
/// or allocator lives in shared memory.
namespace prot::ipc {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kLine =
    128;  // two cache lines: adjacent-line prefetch; fixed, never the compiler's value
inline constexpr std::uint64_t kRingMagic = 0x31474E52544F5250;  // "PROTRNG1"
inline constexpr std::uint16_t kAbiMajor = 1;
inline constexpr std::uint16_t kAbiMinor = 5;
inline constexpr std::size_t kMaxSources = 6;
inline constexpr std::size_t kMaxSetAside = 4;
inline constexpr std::uint16_t kPaddingKind = 0xFFFF;  // kind and version of a padding record, both 0xFF

using Word = std::atomic<std::uint64_t>;
using HalfWord = std::atomic<std::uint32_t>;
static_assert(Word::is_always_lock_free && HalfWord::is_always_lock_free);

/// What a full ring means to its producer.
enum class Policy : std::uint32_t {
  kBlock = 1,       // the producer keeps the frame and offers it again
  kDropNewest = 2,  // counted; the next frame that fits carries the gap mark
  kKeepLatest = 3,  // the consumer skips to the newest
};

/// What is to be done with a ring's frames beside passing them on; bits.
enum class RingUse : std::uint32_t {
  kPlain = 0,
  kWords = 1,  // what somebody said: its payload is overwritten with zeros once it is released
};

/// Page 0: identity. Writer: supervisor; `magic` is stored last (release).
struct RingHeader {
  Word magic;
  std::uint16_t abi_major;
  std::uint16_t abi_minor;
  std::uint32_t header_size;
  std::uint64_t capacity;  // power of two, 64 KiB .. 1 GiB
  std::uint32_t max_frame;
  std::uint32_t align;  // 16
  std::uint8_t run_id[16];
  std::uint32_t ring_id;
  Policy policy;
  std::uint64_t kind_mask;  // bit (kind mod 64) of every kind that may flow; 0: any
  std::uint64_t schema_hash;
  char name[64];
  char producer[32];
  char consumer[32];
  std::uint32_t crc;  // CRC32C of all before it, magic taken as its final value
  RingUse use;        // behind the checksum: since 1.5
};

/// Page 1: who may be attached. Writer: supervisor.
struct RingSupervisorPage {
  HalfWord producer_generation;
  HalfWord consumer_generation;
  Word producer_pid;
  Word consumer_pid;
  HalfWord producer_closed;  // 1: gone for good, the consumer goes on without it
  HalfWord consumer_closed;
  Word set_aside_seq[kMaxSetAside];  // 1 + sequence of the newest poison frames: the consumer steps over them
  Word poison_frames;                // how many there were; since 1.1
};

/// How far an output frame reaches back: the last sequence of each input that it covers.
struct ResumeSlot {
  Word end;       // tail after the frame; the slot is valid when it equals the ring's tail (or precedes it)
  Word sequence;  // of that frame
  Word source[kMaxSources];
};
static_assert(sizeof(ResumeSlot) == 64);

/// Page 2. Writer: producer.
struct RingProducerPage {
  alignas(kLine) Word tail;          // commit point
  alignas(kLine) Word space_ticket;  // seen_lo32 << 32 | number, odd = asleep
  alignas(kLine) ResumeSlot slot[2];
  alignas(kLine) HalfWord generation;
  HalfWord state;
  Word frames, bytes, drops, full_events, blocked_ns, wakes, waits, late_wakes, high_water_bytes,
      last_publish_ns, fault, pressure_events /* since 1.4 */;
};

/// Page 3. Writer: consumer.
struct RingConsumerPage {
  alignas(kLine) Word head;
  alignas(kLine) Word data_ticket;
  alignas(kLine) HalfWord generation;
  HalfWord state;
  Word frames, bytes, skipped_frames, skipped_bytes, stale_frames, faults, wakes, waits, late_wakes,
      last_take_ns, last_release_ns, processing_seq /* 1 + newest sequence in hand, 0: none */, max_lag_ns,
      fault;
};

/// `state` of a producer's or consumer's page.
enum class SideState : std::uint32_t { kNever, kAttached, kFaulted };

/// Why a side distrusts its peer. `fault` of a page is code << 56 | position in the ring, 0: none.
enum class PeerFault : std::uint64_t { kNone, kIndex, kPadding, kLength, kChecksum, kKind, kSequence, kSlot };

inline constexpr std::size_t kHeaderOffset = 0;
inline constexpr std::size_t kSupervisorOffset = kPage;
inline constexpr std::size_t kProducerOffset = 2 * kPage;
inline constexpr std::size_t kConsumerOffset = 3 * kPage;
inline constexpr std::size_t kDataOffset = 4 * kPage;

/// Every record starts with this; payload follows; the whole is rounded up to 16 bytes. A padding record uses
/// only the first 16 bytes, so it always fits before the end of the data area.
struct RecordHeader {
  std::uint32_t length;  // payload bytes
  std::uint8_t kind;
  std::uint8_t version;  // schema version of the payload
  std::uint16_t flags;
  std::uint32_t turn;  // voice turn or utterance number
  std::uint32_t crc;   // CRC32C of the other 44 bytes
  std::uint64_t sequence;
  std::int64_t made_ns;           // clock stamp of what the frame is about (ADC, token, sample)
  std::int64_t published_ns;      // clock stamp of the commit
  std::uint64_t source_sequence;  // 1 + sequence of the stage's first input that it reaches back to; 0: none
};
static_assert(sizeof(RecordHeader) == 48 && std::is_trivially_copyable_v<RecordHeader>);
static_assert(sizeof(RingHeader) <= kPage && sizeof(RingSupervisorPage) <= kPage);
static_assert(sizeof(RingProducerPage) <= kPage && sizeof(RingConsumerPage) <= kPage);
static_assert(std::is_standard_layout_v<RingHeader> && std::is_standard_layout_v<RingProducerPage>);
static_assert(std::is_standard_layout_v<RingConsumerPage> && std::is_standard_layout_v<RingSupervisorPage>);
static_assert(offsetof(RingHeader, capacity) == 0x10 && offsetof(RingHeader, name) == 0x48);
static_assert(offsetof(RingHeader, crc) == 0xC8 && offsetof(RingProducerPage, slot) == 0x100);

/// Record flags.
inline constexpr std::uint16_t kFlagGap = 1U << 0U;        // frames before this one were dropped
inline constexpr std::uint16_t kFlagResync = 1U << 1U;     // marks were lost: read the board
inline constexpr std::uint16_t kFlagRestarted = 1U << 2U;  // the producer was restarted before this frame

}  // namespace prot::ipc
