#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace prot::ipc {

/// CRC32C (Castagnoli) of `data`, going on from `previous`. The processor's instruction where there is one.
/// RT safe. Thread-safe.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t previous = 0) noexcept;

/// crc32c of 12 bytes at `front` and then 32 at `rest`: a record's header around its own checksum.
[[nodiscard]] std::uint32_t crc32c_12_32(const std::byte* front, const std::byte* rest) noexcept;

/// crc32c by table alone; tests compare the two.
[[nodiscard]] std::uint32_t crc32c_by_table(std::span<const std::byte> data,
                                            std::uint32_t previous = 0) noexcept;

}  // namespace prot::ipc
