#pragma once

#include <span>
#include <string>
#include <string_view>

namespace prot::memory {

/// True when the words have the pattern somewhere. A pattern is a row of steps with single spaces between; a
/// step is alternatives with '|' between: "word", "begin*", "*end", "*within*". "~N" between two steps lets
/// up to N other words stand there.
[[nodiscard]] bool has_pattern(std::span<const std::string> words, std::string_view pattern);
/// One word, one step.
[[nodiscard]] bool fits_step(std::string_view word, std::string_view step) noexcept;

}  // namespace prot::memory
