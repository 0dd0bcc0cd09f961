#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "observed.hpp"

namespace prot::top {

/// Follows the frames of a ring from outside, one after the other, without its sides knowing. Where the ring
/// goes round faster than this is called, frames are missed, and counted. Not thread-safe.
/// Lives no longer than the memory.
class FrameTail {
 public:
  enum class [[nodiscard]] Step{
      kFrame,
      kMissed,  // some were written over: missed() says how many
      kNothing,
      kDamaged,  // what lies at position() is no record, and no reader was too slow
  };

  /// `waiting`: begins with the frames that are in the ring, else with the next one that is published.
  FrameTail(const ipc::RingMemory& memory, bool waiting);

  Step next(SeenRecord& record);
  /// The payload of the newest frame; empty: it was written over.
  [[nodiscard]] std::optional<std::string> payload(const SeenRecord& record) const;
  /// Frames of the newest kMissed.
  [[nodiscard]] std::uint64_t missed() const noexcept { return missed_; }
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

 private:
  [[nodiscard]] std::optional<std::uint64_t> sequence_at(std::uint64_t tail) const noexcept;
  Step go_to_head(std::uint64_t tail);

  RingView view_;
  std::uint64_t position_;
  std::optional<std::uint64_t> expected_;  // sequence of the next frame
  std::uint64_t missed_ = 0;
};

/// "mic-audio"; "kind-77" for one that has no name.
[[nodiscard]] std::string kind_name(std::uint8_t kind);
/// "gap,restarted"; "-" for none.
[[nodiscard]] std::string flags_text(std::uint16_t flags);
/// Printable text as it is, every other byte as \xNN.
[[nodiscard]] std::string escaped(const std::string& payload);

}  // namespace prot::top
