#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace prot::ipc {

/// CRC32C (Castagnoli) of `data`, going on from `previous`. The processor's instruction where there is one.
/// RT safe. Thread-safe.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t previous = 0) noexcept;

/// The same by table alone; tests compare the two.
[[nodiscard]] std::uint32_t crc32c_by_table(std::span<const std::byte> data,
                                            std::uint32_t previous = 0) noexcept;

}  // namespace prot::ipc
