#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ipc/ring_types.hpp"

namespace prot::ipc {

/// Producer side of a single-producer single-consumer ring of variable-length records (doc/shared-memory.md).
/// Commit point: one 64-bit store-release of `tail` after payload, padding and resume slot; whatever
/// instruction the producer dies at, the consumer sees the frame whole or not at all. One thread at a time.
/// RT safe: no system call, no allocation, no lock. Lives no longer than the memory.
class RingProducer {
 public:
  RingProducer() = default;
  /// REQUIRES: memory valid (see validate_ring). Resumes after the last committed frame of a predecessor.
  /// `generation`: which one this process is, 0: the one that is assigned now. One that was replaced (a
  /// process that slept through it) is faulted, and writes nothing any more.
  explicit RingProducer(const RingMemory& memory, std::uint32_t generation = 0) noexcept;

  /// Room for a payload of `length`, contiguous; empty span when full (kFull) or too large.
  /// A claim that is neither committed nor aborted is given up by the next one.
  PublishResult claim(std::size_t length, std::span<std::byte>& payload) noexcept;
  /// Gives the claim up: nothing was published, nothing is counted.
  void abort() noexcept { claim_open_ = false; }
  /// Publishes the claimed payload cut to `length`. `sources` goes into the alternating resume slot; what was
  /// covered stays covered, so a frame without a source does not take it back.
  void commit(std::size_t length, const FrameInfo& info, const Sources& sources, Nanos now) noexcept;
  PublishResult publish(const FrameInfo& info, std::span<const std::byte> payload, const Sources& sources,
                        Nanos now) noexcept;
  /// For a side that spins and has nothing else to do: fetches the lines of the next frame's place, so that
  /// the next publish need not wait for them. Only a hint; best some time after the last publish, when its
  /// consumer has read on beyond it.
  void prepare(std::size_t length) const noexcept;
  /// What is released of a ring of words is overwritten now, and not only when its place is needed.
  void wipe_released() noexcept;
  /// Counts a frame that was dropped because the ring was full.
  void count_drop() noexcept;

  /// From so many used bytes on peak() is exact; below it only says that the level was not reached.
  void set_level(std::uint64_t bytes) noexcept;
  /// The most that was used since the last take_peak(), which goes on from what is used now.
  [[nodiscard]] std::uint64_t peak() const noexcept { return peak_; }
  std::uint64_t take_peak() noexcept;
  /// Clock of the commit of the oldest frame in it; 0: none.
  [[nodiscard]] Nanos oldest_published() noexcept;

  /// False: this side was given to another process.
  [[nodiscard]] bool is_current() const noexcept;

  /// What the last committed frame covered: where a restarted stage goes on.
  [[nodiscard]] Sources resume_sources() const noexcept { return resume_; }
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return sequence_; }
  [[nodiscard]] std::uint64_t tail() const noexcept { return tail_; }
  [[nodiscard]] std::uint64_t seen_head() const noexcept { return cached_head_; }
  [[nodiscard]] std::uint64_t used() const noexcept;  // bytes
  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }

 private:
  [[nodiscard]] bool load_head() noexcept;
  void wipe(std::uint64_t from, std::uint64_t until, bool whole) noexcept;  // else payloads alone
  void fault(PeerFault code) noexcept;
  [[nodiscard]] std::byte* at(std::uint64_t position) const noexcept;
  void count_commit() noexcept;
  void raise_marks() noexcept, lower_mark() noexcept;

  RingMemory memory_;
  std::uint32_t generation_ = 0, max_frame_ = 0;
  std::uint64_t capacity_ = 0;
  std::uint64_t high_ = 0, peak_ = 0, level_ = 0;  // ever; since the last look; 0: nobody looks
  std::uint64_t mark_ = 0;                         // more than this is new to one of them
  std::uint64_t tail_ = 0, sequence_ = 0;
  std::uint64_t cached_head_ = 0;  // of a ring of words all before it is wiped
  std::uint64_t claimed_at_ = 0;   // position of the claimed record, after padding
  std::size_t claimed_ = 0;
  bool claim_open_ = false, faulted_ = false, wipes_ = false;
  unsigned next_slot_ = 0;
  Sources resume_;
};

/// Consumer side. Frames stay in the ring until release(), so a consumer that dies meets them again.
/// Trusts nothing that the peer wrote: indices, lengths, sequence and header CRC are checked on a private
/// copy of the header before the payload is touched. One thread at a time. RT safe.
class RingConsumer {
 public:
  RingConsumer() = default;
  /// REQUIRES: memory valid. Starts at head: what a predecessor took but did not release comes again.
  /// `generation` as for the producer.
  explicit RingConsumer(const RingMemory& memory, std::uint32_t generation = 0) noexcept;

  /// Looks at the next frame that was not looked at yet, without releasing it: several may be in hand.
  TakeResult peek(FrameInfo& info, std::span<const std::byte>& payload) noexcept;
  /// Releases every frame up to and including `sequence`. REQUIRES: it was peeked.
  void release_through(std::uint64_t sequence, Nanos now) noexcept;
  /// Releases everything that was peeked.
  void release(Nanos now) noexcept;
  /// Whoever works in batches releases now: nothing more is known to be there, or an eighth of the ring is in
  /// hand and its producer shall not wait longer. Looks at nothing that is shared.
  [[nodiscard]] bool batch_ends() const noexcept {
    return position_ == seen_tail_ || position_ - head_ >= capacity_ / 8;
  }
  /// Looks again at everything that is not released.
  void rewind() noexcept;
  /// Skips frames up to and including `sequence` without work (resume): those already covered by an output.
  void skip_through(std::uint64_t sequence, Nanos now) noexcept;
  /// Releases what is in hand as stale, and what follows of turns 1 to `cancelled`, by one store. Returns how
  /// many frames.
  std::uint64_t release_stale(std::uint64_t cancelled, Nanos now) noexcept;
  [[nodiscard]] bool is_current() const noexcept;

  [[nodiscard]] bool has_data() const noexcept;  // anything not yet peeked
  [[nodiscard]] std::uint64_t in_hand() const noexcept { return sequence_ - head_sequence_; }  // frames
  [[nodiscard]] std::uint64_t head() const noexcept { return head_; }
  [[nodiscard]] std::uint64_t seen_tail() const noexcept { return seen_tail_; }
  [[nodiscard]] std::uint64_t used() const noexcept;
  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }

 private:
  struct Record {
    RecordHeader header;  // private copy: what was checked is what is used
    std::uint64_t begin;  // of the record itself, behind a padding record
    std::uint64_t end;
  };
  [[nodiscard]] bool load_tail() noexcept;
  void fetch_next() const noexcept;
  [[nodiscard]] PeerFault check_record(std::uint64_t position, std::uint64_t limit,
                                       Record& record) const noexcept;
  [[nodiscard]] bool read_record(std::uint64_t position, std::uint64_t limit, Record& record) noexcept;
  void learn_sequence(std::uint64_t sequence) noexcept;
  void move_head(std::uint64_t position, std::uint64_t sequence, bool skipped, Nanos now) noexcept;
  TakeResult fault(PeerFault code, std::uint64_t position) noexcept;

  RingMemory memory_;
  std::uint32_t generation_ = 0;
  std::uint32_t max_frame_ = 0;
  std::uint64_t capacity_ = 0;
  std::uint64_t head_ = 0;           // released
  std::uint64_t position_ = 0;       // peeked
  std::uint64_t sequence_ = 0;       // expected next; taken from the first record after attach
  std::uint64_t head_sequence_ = 0;  // of the first frame that is not released
  std::uint64_t kind_mask_ = 0;
  bool sequence_known_ = false;
  bool faulted_ = false;
  std::uint64_t seen_tail_ = 0;
};

}  // namespace prot::ipc
