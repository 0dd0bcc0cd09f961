#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prot::utf8 {

inline constexpr char32_t kReplacement = 0xFFFD;

/// What stands at the start of a byte string.
struct Decoded {
  char32_t code_point;  // kReplacement when the bytes are not UTF-8
  std::size_t length;   // bytes to step over, at least 1
  bool valid;
  bool cut_short;  // the bytes end inside a code point that may still become valid
};

/// Decodes the first code point. Rejects overlong forms, surrogates, values above U+10FFFF. RT safe.
/// REQUIRES: !bytes.empty()
[[nodiscard]] constexpr Decoded decode(std::string_view bytes) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true, false};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4) return {kReplacement, 1, false, false};
  char32_t code_point = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {kReplacement, i, false, true};
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (i == 1) {  // the second byte's range is what rules out overlong forms and surrogates
      if (first == 0xE0) low = 0xA0;
      if (first == 0xED) high = 0x9F;
      if (first == 0xF0) low = 0x90;
      if (first == 0xF4) high = 0x8F;
    }
    if (byte(i) < low || byte(i) > high) return {kReplacement, i, false, false};
    code_point = (code_point << 6U) | (byte(i) & 0x3FU);
  }
  return {code_point, length, true, false};
}

/// Appends the UTF-8 bytes of `code_point`; kReplacement's for one that has none.
inline void append(std::string& out, char32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) code_point = kReplacement;
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
    return;
  }
  const int tail = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  const unsigned lead = 0xFFU << static_cast<unsigned>(7 - tail);  // 110xxxxx, 1110xxxx, 11110xxx
  out += static_cast<char>((lead & 0xFFU) | (code_point >> (6U * static_cast<unsigned>(tail))));
  for (int i = tail - 1; i >= 0; --i) {
    out += static_cast<char>(0x80U | ((code_point >> (6U * static_cast<unsigned>(i))) & 0x3FU));
  }
}

/// True when all bytes are UTF-8. RT safe.
[[nodiscard]] constexpr bool is_valid(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    if (!next.valid) return false;
    bytes.remove_prefix(next.length);
  }
  return true;
}

/// The text with every byte sequence that is not UTF-8 replaced by U+FFFD.
[[nodiscard]] inline std::string sanitized(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const Decoded next = decode(bytes);
    if (next.valid) {
      out.append(bytes.substr(0, next.length));
    } else {
      append(out, kReplacement);
    }
    bytes.remove_prefix(next.length);
  }
  return out;
}

}  // namespace prot::utf8
