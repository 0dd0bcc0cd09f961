#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace prot::memory {

/// Rows are multiples of this; what is behind a vector is zero.
inline constexpr std::size_t kDotBlock = 64;

/// Products of one vector with many that lie one behind the other, some rows at a time. The compiler makes
/// vector instructions of it; what the processor has is found out at run time. Lifetime: the spans' owner's.
class DotScan {
 public:
  static constexpr std::size_t kRows = 512;

  DotScan(std::span<const std::int8_t> query, std::span<const std::int8_t> rows, std::size_t stride)
      : query_(query), rows_(rows), stride_(stride) {}

  /// Of the rows from `begin` on, at most kRows, none from `end` on. Until the next call.
  [[nodiscard]] std::span<const std::int32_t> rows(std::size_t begin, std::size_t end);

 private:
  std::span<const std::int8_t> query_;
  std::span<const std::int8_t> rows_;
  std::size_t stride_;
  std::array<std::int32_t, kRows> products_{};
};

}  // namespace prot::memory
