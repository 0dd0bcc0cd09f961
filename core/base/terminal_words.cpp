#include "base/terminal_words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.hpp"

namespace prot {
namespace {

// Most text is: then nothing is decoded.
bool is_plain(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// `instead` appends what stands in the place of a character that steers.
template <typename Instead>
std::string replaced(std::string_view text, bool with_space, const Instead& instead) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    const bool stays = with_space && (next.code_point == U'\n' || next.code_point == U'\t');
    if (!next.valid) {
      utf8::append(out, utf8::kReplacement);
    } else if (steers_terminal(next.code_point) && !stays) {
      instead(out, next.code_point);
    } else {
      out.append(text.substr(0, next.length));
    }
    text.remove_prefix(next.length);
  }
  return out;
}

}  // namespace

std::string shown_line(std::string_view text) {
  return replaced(text, false, [](std::string& out, char32_t /*steers*/) { out += ' '; });
}

std::string shown_lines(std::string_view text) {
  return replaced(text, true, [](std::string& out, char32_t /*steers*/) { out += ' '; });
}

std::string shown_json(std::string_view json) {
  return replaced(json, true, [](std::string& out, char32_t steers) {
    // Space between values; within a string it is no JSON.
    out += steers == U'\r' ? " " : fmt::format("\\u{:04x}", static_cast<unsigned>(steers));
  });
}

}  // namespace prot
