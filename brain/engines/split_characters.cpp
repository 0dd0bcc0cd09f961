#include "engines/split_characters.hpp"

#include <algorithm>
#include <utility>

#include "base/utf8.hpp"

namespace prot::brain {
namespace {

constexpr char32_t kBytes = 0xEF00;     // + the byte, 0x80 to 0xFF
constexpr char32_t kHalves = 0x100000;  // + the half, 0xD800 to 0xDFFF

bool is_high(char32_t unit) noexcept { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(char32_t unit) noexcept { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// The code unit of a "\uXXXX" at the front; 0: there is none.
char32_t escaped_unit(std::string_view text) noexcept {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return 0;
  char32_t unit = 0;
  for (const char c : text.substr(2, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return 0;
    unit = unit * 16 + static_cast<char32_t>(digit);
  }
  return unit;
}

}  // namespace

std::string SplitCharacters::protect(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  protected_ = false;
  while (!json.empty()) {
    std::size_t length = 1;
    char32_t stand_in = 0;
    if (json[0] == '\\') {
      const char32_t unit = escaped_unit(json);
      const bool pair = is_high(unit) && is_low(escaped_unit(json.substr(6)));
      length = pair ? 12 : unit != 0 ? 6 : 2;
      if (!pair && (is_high(unit) || is_low(unit))) stand_in = kHalves + unit;
    } else {
      const utf8::Decoded next = utf8::decode(json);
      length = next.valid ? next.length : 1;
      if (!next.valid) stand_in = kBytes + static_cast<unsigned char>(json[0]);
    }
    if (stand_in != 0) {
      utf8::append(out, stand_in);
      protected_ = true;
    } else {
      out += json.substr(0, length);
    }
    json.remove_prefix(std::min(length, json.size()));
  }
  return out;
}

std::string SplitCharacters::restore(std::string_view text) {
  if (text.empty() || (!protected_ && high_ == 0)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    const char32_t half = protected_ && next.code_point >= kHalves ? next.code_point - kHalves : 0;
    const char32_t high = std::exchange(high_, 0);
    if (high != 0 && is_low(half)) {
      utf8::append(out, 0x10000 + ((high - 0xD800) << 10U) + (half - 0xDC00));
      text.remove_prefix(next.length);
      continue;
    }
    if (high != 0) utf8::append(out, utf8::kReplacement);  // its other half did not come
    if (is_high(half)) {
      high_ = half;
    } else if (is_low(half)) {
      utf8::append(out, utf8::kReplacement);
    } else if (protected_ && next.code_point >= kBytes + 0x80 && next.code_point <= kBytes + 0xFF) {
      out += static_cast<char>(next.code_point - kBytes);
    } else {
      out += text.substr(0, next.length);
    }
    text.remove_prefix(next.length);
  }
  return out;
}

}  // namespace prot::brain
