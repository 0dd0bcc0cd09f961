#include "text/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace prot;

TEST_CASE("only well-formed UTF-8 is valid") {
  CHECK(text::is_valid_utf8("안녕, hello 😀"));
  CHECK_FALSE(text::is_valid_utf8("\xC0\x80"));          // overlong
  CHECK_FALSE(text::is_valid_utf8("\xED\xA0\x80"));      // surrogate
  CHECK_FALSE(text::is_valid_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(text::is_valid_utf8("\xEC\x95"));          // cut
  CHECK_FALSE(text::is_valid_utf8("\x80"));
}

TEST_CASE("sanitising keeps what is valid") {
  CHECK(text::sanitize_utf8("안녕") == "안녕");
  CHECK(text::sanitize_utf8("a\xFFz") == "a\uFFFDz");
  CHECK(text::sanitize_utf8("\xEC\x95") == "\uFFFD");
}

TEST_CASE("every code point survives encoding and decoding") {
  for (char32_t c = 1; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 0x101) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string bytes;
    utf8::append(bytes, c);
    const utf8::Decoded back = utf8::decode(bytes);
    REQUIRE(back.valid);
    REQUIRE(back.code_point == c);
    REQUIRE(back.length == bytes.size());
  }
}

TEST_CASE("the assembler gives the same text however the bytes are divided") {
  const std::string whole = "가나다 abc 😀\xFF 끝";
  for (std::size_t size = 1; size <= whole.size(); ++size) {
    text::Utf8Assembler assembler;
    std::string out;
    for (std::size_t at = 0; at < whole.size(); at += size) {
      const std::string piece = assembler.push(std::string_view(whole).substr(at, size));
      CHECK(text::is_valid_utf8(piece));
      out += piece;
    }
    out += assembler.flush();
    CHECK(out == text::sanitize_utf8(whole));
  }
}

TEST_CASE("a text that ends inside a code point ends with U+FFFD") {
  text::Utf8Assembler assembler;
  CHECK(assembler.push("a\xEC\x95") == "a");
  CHECK(assembler.flush() == "\uFFFD");
  CHECK(assembler.flush().empty());
}

TEST_CASE("truncating never cuts a code point") {
  CHECK(text::truncate_utf8("안녕", 6) == "안녕");
  CHECK(text::truncate_utf8("안녕", 5) == "안");
  CHECK(text::truncate_utf8("안녕", 4) == "안");
  CHECK(text::truncate_utf8("안녕", 3) == "안");
  CHECK(text::truncate_utf8("안녕", 2).empty());
  CHECK(text::truncate_utf8("a😀", 4) == "a");
  CHECK(text::truncate_utf8("abc", 0).empty());
}

TEST_CASE("code points are counted, not bytes") {
  CHECK(text::count_code_points("안녕 a") == 4);
  CHECK(text::count_code_points("") == 0);
}
