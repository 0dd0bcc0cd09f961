#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vectors/embedder.hpp"

namespace prot::memory {

/// A vector of length 1 in 16 bits a number, as it is stored: off by at most 1/65,534 of its largest number.
struct PackedVector {
  float scale = 0.0F;  // of values[i] / kFull
  std::vector<std::int16_t> values;

  // So that the high byte, rounded, stays within int8.
  static constexpr int kFull = 32'512;

  [[nodiscard]] static PackedVector of(const Vector& vector);
  [[nodiscard]] Vector unpacked() const;
  /// Little-endian: scale, then the values.
  [[nodiscard]] std::string bytes() const;
  /// Throws Error when it is none, or its numbers are.
  [[nodiscard]] static PackedVector from_bytes(std::string_view bytes);
};

/// The form of bytea in SQL text: "\x0a0b", and back. From: throws Error.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string from_hex(std::string_view hex);

}  // namespace prot::memory
