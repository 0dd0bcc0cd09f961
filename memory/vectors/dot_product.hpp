#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace prot::memory {

/// Rows are multiples of this; what is behind a vector is zero.
inline constexpr std::size_t kDotBlock = 64;

/// The products of one vector with rows as long as it, which lie one behind the other: out.size() of them.
/// With the processor's vector instructions, which are looked for at run time. REQUIRES: no sum is outside
/// of int32 (largest_factor()).
void dot_products(std::span<const std::int16_t> query, const std::int8_t* rows,
                  std::span<std::int32_t> out) noexcept;

/// The same without them: what every processor can.
void dot_products_plain(std::span<const std::int16_t> query, const std::int8_t* rows,
                        std::span<std::int32_t> out) noexcept;

/// What a number of the query may be at most, for rows of such a length.
[[nodiscard]] int largest_factor(std::size_t length) noexcept;

}  // namespace prot::memory
