#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace prot::player {

/// When which position is audible: remembers the newest writes to the device with the time at the DAC that
/// the device gave for them. Not thread-safe; RT safe. Invariant: heard() never falls, but by cut().
class PlayoutClock {
 public:
  explicit PlayoutClock(unsigned rate) noexcept : rate_(rate) {}

  /// Positions [begin, end) were given to the device at `written_ns`; the last of them is audible at
  /// `audible_ns`.
  void record(std::uint64_t begin, std::uint64_t end, Nanos written_ns, Nanos audible_ns) noexcept;
  /// Position up to which everything is audible at `now`.
  [[nodiscard]] std::uint64_t heard(Nanos now) noexcept;
  /// The device threw away what was not audible: `position` is heard, nothing behind it is under way.
  void cut(std::uint64_t position) noexcept;
  /// Position behind what was given to the device.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

  struct Times {
    Nanos written_ns;
    Nanos audible_ns;
  };
  /// Of one position; nothing when it was not written, or too long ago.
  [[nodiscard]] std::optional<Times> times_of(std::uint64_t position) const noexcept;

 private:
  struct Write {
    std::uint64_t begin, end;
    Nanos written_ns, begins_ns;  // begins_ns: `begin` is audible
  };
  static constexpr std::uint64_t kWrites = 256;
  [[nodiscard]] const Write& at(std::uint64_t index) const noexcept { return writes_[index % kWrites]; }

  unsigned rate_;
  std::array<Write, kWrites> writes_{};
  std::uint64_t first_ = 0;  // writes [first_, next_) are known
  std::uint64_t next_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t heard_ = 0;
};

}  // namespace prot::player
