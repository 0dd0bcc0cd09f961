#pragma once

#include <cstdint>
#include <string_view>

namespace prot {

inline constexpr std::uint64_t kFnvBasis = 0xCBF29CE484222325U;
inline constexpr std::uint64_t kFnvPrime = 0x100000001B3U;

/// FNV-1a: the same on every machine and in every version, unlike std::hash, so it may be kept. No defence
/// against forged input. `hash`: of what stands before the text.
[[nodiscard]] constexpr std::uint64_t fnv1a(std::string_view text, std::uint64_t hash = kFnvBasis) noexcept {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kFnvPrime;
  return hash;
}

}  // namespace prot
