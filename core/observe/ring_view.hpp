#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "ipc/layout.hpp"
#include "ipc/spsc_ring.hpp"

namespace prot::observe {

struct Positions {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  bool sane = false;  // false: no ring can have these two

  [[nodiscard]] std::uint64_t used() const noexcept { return sane ? tail - head : 0; }
};

/// One record, as somebody sees it who is neither producer nor consumer.
struct SeenRecord {
  ipc::RecordHeader header{};
  std::uint64_t begin = 0;  // behind a padding record
  std::uint64_t end = 0;
};

enum class [[nodiscard]] Look{
    kRecord,
    kOverwritten,  // the consumer released it, and the producer was faster than the reader
    kDamaged,      // it is not released, so nobody may have touched it, and it is no record
};

/// Reads a ring without any of its sides knowing: never writes, trusts nothing, copies before it checks.
/// A record may be written over while it is read; its checksum and the positions afterwards tell.
/// Thread-safe. Lives no longer than the memory.
class RingView {
 public:
  /// REQUIRES: memory valid (validate_ring).
  explicit RingView(const ipc::RingMemory& memory) noexcept;

  /// Both positions of one instant, or nearly: while both sides run at full speed, `used` is up to date
  /// within what they move in a few cache misses.
  [[nodiscard]] Positions positions() const noexcept;
  /// The record at `position`, a record boundary below `limit`, itself a tail or a head.
  Look read(std::uint64_t position, std::uint64_t limit, SeenRecord& record) const noexcept;
  /// The payload of a record, and whether it is certainly whole.
  [[nodiscard]] bool copy_payload(const SeenRecord& record, std::string& payload) const;

  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] const ipc::RingMemory& memory() const noexcept { return memory_; }

 private:
  [[nodiscard]] bool parse(std::uint64_t position, std::uint64_t limit, SeenRecord& record) const noexcept;
  [[nodiscard]] bool untouched(std::uint64_t begin) const noexcept;

  ipc::RingMemory memory_;
  std::uint64_t capacity_;  // read once: what the mapping has
  std::uint64_t max_frame_;
};

}  // namespace prot::observe
