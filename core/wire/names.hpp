#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "wire/frame.hpp"

/// names (memory -> stt).
namespace prot::wire {

/// As many, and as long, as the strictest recogniser takes.
inline constexpr std::size_t kMostNames = 50;
inline constexpr std::size_t kLongestName = 20;  // characters

/// Names that the person is likely to say; they take the place of those before. Tail: UTF-8, one a line, the
/// likeliest first; empty: there are none any more.
struct KeyTerms {
  static constexpr Kind kKind = Kind::kKeyTerms;
  static constexpr std::uint8_t kVersion = 1;
  std::uint32_t count;
  std::uint32_t reserved = 0;
};

/// Of a tail, at most kMostNames.
[[nodiscard]] inline std::vector<std::string> names_in(std::span<const std::byte> tail) {
  std::vector<std::string> names;
  for (std::string_view left = as_text(tail); !left.empty() && names.size() < kMostNames;) {
    const std::string_view line = left.substr(0, left.find('\n'));
    if (!line.empty()) names.emplace_back(line);
    left.remove_prefix(std::min(line.size() + 1, left.size()));
  }
  return names;
}

}  // namespace prot::wire
