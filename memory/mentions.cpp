#include "mentions.hpp"

namespace prot::memory {
namespace {

bool is_latin(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_ascii(char c) noexcept { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

bool mentions(std::string_view text, std::string_view name) noexcept {
  if (name.empty()) return false;
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const bool opens = at == 0 || (is_ascii(text[at - 1]) && !is_latin(text[at - 1]));
    const std::size_t end = at + name.size();
    const bool closes = end == text.size() || !is_latin(name.back()) || !is_latin(text[end]);
    if (opens && closes) return true;
  }
  return false;
}

}  // namespace prot::memory
