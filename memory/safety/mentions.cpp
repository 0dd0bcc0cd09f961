#include "safety/mentions.hpp"

#include "text/utf8.hpp"

namespace prot::memory {
namespace {

bool is_latin(char32_t c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c >= 0xC0 && c <= 0x24F);
}

/// The code point that ends at `end`; 0: none.
char32_t before(std::string_view text, std::size_t end) noexcept {
  std::size_t at = end;
  while (at > 0 && end - at < 4) {
    --at;
    if ((static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U)
      return utf8::decode(text.substr(at, end - at)).code_point;
  }
  return 0;
}

char32_t first(std::string_view text) noexcept { return text.empty() ? 0 : utf8::decode(text).code_point; }

/// Would they be of one word, side by side? Korean goes on behind Latin letters ("Alice는"), not before them.
bool joined(char32_t left, char32_t right) noexcept {
  return (is_latin(left) && (is_latin(right) || text::is_cjk(right))) ||
         (text::is_cjk(left) && text::is_cjk(right));
}

}  // namespace

bool stands_alone(std::string_view text, std::size_t at, std::size_t size) noexcept {
  if (size == 0 || at + size > text.size()) return false;
  const std::string_view name = text.substr(at, size);
  const bool opens = !joined(before(text, at), first(name));
  const bool closes = !is_latin(before(name, size)) || !is_latin(first(text.substr(at + size)));
  return opens && closes;
}

bool mentions(std::string_view text, std::string_view name) noexcept {
  if (name.empty()) return false;
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1))
    if (stands_alone(text, at, name.size())) return true;
  return false;
}

}  // namespace prot::memory
