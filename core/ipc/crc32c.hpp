#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace prot::ipc {

/// CRC32C (Castagnoli) of `data`, going on from `previous`. The processor's instruction where there is one.
/// RT safe. Thread-safe.
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t previous = 0) noexcept;

/// crc32c by table alone; tests compare the two.
[[nodiscard]] std::uint32_t crc32c_by_table(std::span<const std::byte> data,
                                            std::uint32_t previous = 0) noexcept;

/// crc32c of a record's header, given as its words: of the first 12 bytes and of the last 32; between them it
/// stands itself. In line and from registers: it is needed twice for each frame.
[[nodiscard]] inline std::uint32_t crc32c_header(const std::uint64_t (&word)[6]) noexcept {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    auto half = static_cast<std::uint32_t>(word[1]);
    std::uint64_t crc = 0xFFFFFFFFU;
    asm("crc32q %1, %0" : "+r"(crc) : "r"(word[0]));
    asm("crc32l %1, %k0" : "+r"(crc) : "r"(half));
    for (int i = 2; i < 6; ++i) asm("crc32q %1, %0" : "+r"(crc) : "r"(word[i]));
    return ~static_cast<std::uint32_t>(crc);
  }
#endif
  const auto bytes = std::as_bytes(std::span(word));
  return crc32c_by_table(bytes.subspan(16), crc32c_by_table(bytes.first(12)));
}

}  // namespace prot::ipc
