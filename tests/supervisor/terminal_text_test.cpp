#include "terminal_text.hpp"

#include <doctest/doctest.h>

#include <string>

using prot::supervisor::TerminalText;

namespace {

struct Case {
  std::string said;
  std::string shown;
};

const Case kCases[] = {
    {"Plain words.\n\tAnd 한국어, é, 🦊.", "Plain words.\n\tAnd 한국어, é, 🦊."},
    {"a\x1b[31mred\x1b[0m b", "ared b"},
    {"a\xc2\x9b"
     "31mred",
     "ared"},                                                          // CSI as one character
    {"\x1b]0;a title\x07text\x1b]8;;http://x\x1b\\link", "textlink"},  // OSC, ended by BEL and by ST
    {"\xc2\x9d"
     "0;title\xc2\x9c"
     "text",
     "text"},
    {"\x1bP1$r\x1b\\x\x1b_apc\x1b\\y\x1b^pm\x1b\\z", "xyz"},
    {"\x1b(Bx\x1b"
     "cy\x1b"
     "7z",
     "xyz"},
    {"bell\x07 back\x08space \x7f"
     "del\r\x0bx",
     "bell backspace delx"},
    {"\xc2\x80\xc2\x85\xc2\x8d\xc2\x9f"
     "lost\nnext",
     "\nnext"},  // U+009F opens a string, which ends with its line
    {"\x1b]never ended\nthe next line", "\nthe next line"},
    {"\x1b[12", ""},
    {"\x1b[3\xed\x95\x9c", "한"},  // no sequence holds Hangul
    {"safe \xe2\x80\xae"
     "evil\xe2\x81\xa6x",
     "safe evilx"},
    {"\x1b\x1b[31mx", "x"},
    {"nul\0inside", "nul"},
};

}  // namespace

TEST_CASE("nothing that commands a terminal is shown, in whole and in pieces of any size") {
  for (const Case& one : kCases) {
    CAPTURE(one.shown);
    TerminalText whole;
    CHECK(whole.push(one.said) == one.shown);
    for (std::size_t cut = 0; cut <= one.said.size(); ++cut) {
      const std::string first = one.said.substr(0, cut);
      const std::string second = one.said.substr(cut);
      if (!second.empty() && (static_cast<unsigned char>(second[0]) & 0xC0U) == 0x80U)
        continue;  // within one
      TerminalText pieces;
      std::string out = pieces.push(first);
      out += pieces.push(second);
      CHECK(out == one.shown);
    }
  }
}

TEST_CASE("no byte of any single control character gets through") {
  for (unsigned c = 0; c < 0xA0; ++c) {
    if ((c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t') continue;
    std::string said;
    if (c >= 0x80) said += '\xc2';
    said += static_cast<char>(c);
    TerminalText text;
    CHECK(text.push(said).empty());
  }
}
