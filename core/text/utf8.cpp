#include "text/utf8.hpp"

#include <algorithm>

namespace prot::text {
namespace {
bool in(char32_t code_point, char32_t first, char32_t last) noexcept {
  return code_point >= first && code_point <= last;
}
}  // namespace

bool is_valid_utf8(std::string_view bytes) noexcept { return utf8::is_valid(bytes); }
std::string sanitize_utf8(std::string_view bytes) { return utf8::sanitized(bytes); }

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(utf8::decode(text).length);
  return count;
}

std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes) noexcept {
  if (text.size() <= max_bytes) return text;
  // Only the last code point can be cut, and it starts at most three bytes back.
  for (std::size_t back = 0; back < std::min<std::size_t>(max_bytes, 4); ++back) {
    const std::size_t start = max_bytes - 1 - back;
    if ((static_cast<unsigned char>(text[start]) & 0xC0U) == 0x80U) continue;
    const utf8::Decoded last = utf8::decode(text.substr(start));
    return text.substr(0, last.valid && start + last.length > max_bytes ? start : max_bytes);
  }
  return text.substr(0, max_bytes);
}

bool is_hangul(char32_t c) noexcept {
  return in(c, 0xAC00, 0xD7A3) || in(c, 0x1100, 0x11FF) || in(c, 0x3130, 0x318F) || in(c, 0xA960, 0xA97F) ||
         in(c, 0xD7B0, 0xD7FF);
}

bool is_cjk(char32_t c) noexcept {
  return is_hangul(c) || in(c, 0x3040, 0x30FF) || in(c, 0x3400, 0x4DBF) || in(c, 0x4E00, 0x9FFF) ||
         in(c, 0xF900, 0xFAFF) || in(c, 0x20000, 0x3FFFF);
}

bool is_emoji(char32_t c) noexcept {
  return in(c, 0x1F000, 0x1FAFF) || in(c, 0x2600, 0x27BF) || in(c, 0x2B00, 0x2BFF) || in(c, 0xFE00, 0xFE0F) ||
         in(c, 0xE0020, 0xE007F) || in(c, 0x2300, 0x23FF) || c == 0x200D || c == 0x20E3 || c == 0x3030 ||
         c == 0x303D || c == 0x3297 || c == 0x3299;
}

bool is_space(char32_t c) noexcept {
  return in(c, 0x09, 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || in(c, 0x2000, 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::string Utf8Assembler::push(std::string_view bytes) {
  held_.append(bytes);
  std::string out;
  std::string_view rest = held_;
  while (!rest.empty()) {
    const utf8::Decoded next = utf8::decode(rest);
    if (next.cut_short) break;
    utf8::append(out, next.code_point);
    rest.remove_prefix(next.length);
  }
  held_ = std::string(rest);
  return out;
}

std::string Utf8Assembler::flush() {
  std::string out;
  if (!held_.empty()) utf8::append(out, utf8::kReplacement);
  held_.clear();
  return out;
}

}  // namespace prot::text
