#pragma once

#include <string>
#include <string_view>

namespace prot {

/// Whether a terminal obeys `c` instead of showing it: control characters (C0, DEL, and C1, of which U+009B
/// begins a sequence as ESC [ does), and embeddings, overrides and isolates of the writing direction, which
/// make a line read otherwise than it is. RT safe.
[[nodiscard]] constexpr bool steers_terminal(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/// Somebody else's words for a terminal, in one line: what steers it is a space, what is no UTF-8 is U+FFFD.
[[nodiscard]] std::string shown_line(std::string_view text);
/// The same, but line ends and tabs stay.
[[nodiscard]] std::string shown_lines(std::string_view text);
/// JSON of the same values, in which what steers a terminal is written as \uXXXX. What stands between the
/// values (line ends, tabs) stays.
[[nodiscard]] std::string shown_json(std::string_view json);

}  // namespace prot
