#include "terminal_text.hpp"

#include "base/terminal_words.hpp"
#include "base/utf8.hpp"

namespace prot::supervisor {
namespace {

constexpr char32_t kEscape = 0x1B;

// What begins a string that goes on to its terminator: DCS, SOS, OSC, PM, APC; behind ESC 0x40 less.
bool opens_string(char32_t c) noexcept {
  return c == 0x90 || c == 0x98 || c == 0x9D || c == 0x9E || c == 0x9F;
}

}  // namespace

bool TerminalText::command(char32_t c) {
  if (c == U'\n') {
    in_ = In::kText;
    return false;
  }
  switch (in_) {
    case In::kText:
      break;
    case In::kEscape:
      if (c >= 0x20 && c <= 0x2F) return true;  // more of it follows
      in_ = In::kText;
      if (c < 0x20 || c >= 0x7F) return false;
      if (c == U'[') in_ = In::kSequence;
      if (c >= 0x40 && c < 0x60 && opens_string(c + 0x40)) in_ = In::kString;
      return true;
    case In::kSequence:
      if (c >= 0x20 && c <= 0x3F) return true;
      in_ = In::kText;
      return c >= 0x40 && c < 0x7F;
    case In::kString:
      if (c == kEscape) in_ = In::kEscape;  // its terminator
      if (c == 0x07 || c == 0x9C) in_ = In::kText;
      return true;
  }
  return false;
}

std::string TerminalText::push(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    text.remove_prefix(next.length);
    const char32_t c = next.code_point;
    if (in_ != In::kText && command(c)) continue;
    if (c == kEscape) in_ = In::kEscape;
    if (c == 0x9B) in_ = In::kSequence;
    if (opens_string(c)) in_ = In::kString;
    if (!steers_terminal(c) || c == U'\n' || c == U'\t') utf8::append(out, c);
  }
  return out;
}

}  // namespace prot::supervisor
