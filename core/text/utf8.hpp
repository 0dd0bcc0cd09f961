#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace prot::text {

[[nodiscard]] bool is_valid_utf8(std::string_view bytes) noexcept;
/// Every byte sequence that is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string sanitize_utf8(std::string_view bytes);
/// Code points; a byte sequence that is not UTF-8 counts as one.
[[nodiscard]] std::size_t count_code_points(std::string_view text) noexcept;
/// The longest prefix of at most `max_bytes` bytes that does not end inside a code point.
[[nodiscard]] std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes) noexcept;

/// Hangul, Han, Kana: letters that are wide, and dense in content.
[[nodiscard]] bool is_cjk(char32_t code_point) noexcept;
[[nodiscard]] bool is_hangul(char32_t code_point) noexcept;
/// Pictographs and what glues them together (joiner, variation selectors, skin tones, flags).
[[nodiscard]] bool is_emoji(char32_t code_point) noexcept;
[[nodiscard]] bool is_space(char32_t code_point) noexcept;

/// Turns bytes that come split anywhere into whole code points. Bytes that are not UTF-8 become U+FFFD.
/// Not thread-safe. Invariant: at most 3 bytes are held back.
class Utf8Assembler {
 public:
  /// The code points that are complete now.
  [[nodiscard]] std::string push(std::string_view bytes);
  /// End of input: U+FFFD when it ended inside a code point, else nothing.
  [[nodiscard]] std::string flush();

 private:
  std::string held_;
};

}  // namespace prot::text
