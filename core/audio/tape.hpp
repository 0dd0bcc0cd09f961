#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace prot::audio {

/// Sound with the time of each block: what `prot doctor --echo` carries from player and capture to whoever
/// compares them. Mono. Invariant: samples.size() == times.size() * block.
struct Tape {
  unsigned rate = 16'000;
  std::uint32_t block = 160;      // samples between two times
  std::vector<Nanos> times = {};  // when the first sample of each block was at the device
  std::vector<std::int16_t> samples = {};

  [[nodiscard]] std::size_t blocks() const noexcept { return times.size(); }
};

/// As bytes, in this machine's order; and back: takes one tape from the front of `bytes`. Throws Error for
/// bytes that are none.
[[nodiscard]] std::string to_bytes(const Tape& tape);
[[nodiscard]] Tape take_tape(std::string_view& bytes);

}  // namespace prot::audio
