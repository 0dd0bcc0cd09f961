#include "base/terminal_words.hpp"

#include <doctest/doctest.h>

#include "base/utf8.hpp"

using namespace prot;

namespace {

std::string letter(char32_t c) {
  std::string out;
  utf8::append(out, c);
  return out;
}

bool is_known_to_steer(char32_t c) {
  for (const auto& [first, last] :
       {std::pair{0x00, 0x1F}, std::pair{0x7F, 0x9F}, std::pair{0x202A, 0x202E}, std::pair{0x2066, 0x2069}})
    if (c >= static_cast<char32_t>(first) && c <= static_cast<char32_t>(last)) return true;
  return false;
}

}  // namespace

TEST_CASE("what steers a terminal is a space in a line, and escaped in JSON; all else stays") {
  for (char32_t c = 0; c <= 0x10FFFF; c = c == 0xD7FF ? 0xE000 : c + 1) {
    const bool steers = is_known_to_steer(c);
    if (steers != steers_terminal(c)) FAIL("U+", static_cast<unsigned>(c));
    const std::string text = "a" + letter(c) + "b";
    if (shown_line(text) != (steers ? "a b" : text)) FAIL("U+", static_cast<unsigned>(c));
    if ((shown_json(text) == text) != (!steers || c == '\n' || c == '\t'))
      FAIL("U+", static_cast<unsigned>(c));
  }
  CHECK(shown_line("").empty());
  CHECK(shown_line("one\ntwo\tthree\x1B[2J") == "one two three [2J");
  CHECK(shown_lines("one\ntwo\tthree\x1B[2J\r") == "one\ntwo\tthree [2J ");
  CHECK(shown_json("{\"a\":\n\t\"" + letter(0x9B) + letter(0x202E) + "\x7F\"}") ==
        "{\"a\":\n\t\"\\u009b\\u202e\\u007f\"}");
  CHECK(shown_json("{\"a\":\r\n1}") == "{\"a\": \n1}");
  CHECK(shown_line("half \xC2") == "half \xEF\xBF\xBD");
  CHECK(shown_line("\x9B[2J") == "\xEF\xBF\xBD[2J");  // CSI of eight bits
  CHECK(shown_lines("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}
