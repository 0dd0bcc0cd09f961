#include "text/normalize.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace prot;
using Words = std::vector<std::string>;

TEST_CASE("normalising makes forms of the same text equal") {
  CHECK(text::normalize_nfkc_casefold("Ｈｅｌｌｏ") == "hello");
  CHECK(text::normalize_nfkc_casefold("STRASSE") == text::normalize_nfkc_casefold("straße"));
  CHECK(text::normalize_nfkc_casefold("\u1112\u1161\u11AB") == "한");
  CHECK(text::normalize_nfkc_casefold("ﬁ") == "fi");
  CHECK(text::normalize_nfkc_casefold("a\xFF") == "a\uFFFD");
  CHECK(text::normalize_nfkc_casefold("").empty());
  CHECK(text::normalize_nfc("e\u0301") == "é");
}

TEST_CASE("tokens are estimated by kind of letter") {
  CHECK(text::estimate_tokens("") == 0);
  CHECK(text::estimate_tokens("abcd") == 1);
  CHECK(text::estimate_tokens("abcde") == 2);
  CHECK(text::estimate_tokens("안녕하세요") == 5);
  CHECK(text::estimate_tokens("안녕 hi 😀") == 2 + 1 + 1);
}

TEST_CASE("words have no case, punctuation or apostrophes") {
  CHECK(text::words("Hello, World! What's up?") == Words{"hello", "world", "whats", "up"});
  CHECK(text::words("음... 글쎄요.") == Words{"음", "글쎄요"});
  CHECK(text::words("at 3pm or 3 p.m.") == Words{"at", "3", "pm", "or", "3", "pm"});
  CHECK(text::words("  ") == Words{});
}

TEST_CASE("small numbers are the same as words and as digits") {
  CHECK(text::words("two") == text::words("2"));
  CHECK(text::words("twenty-one") == text::words("21"));
  CHECK(text::words("ninety nine") == text::words("99"));
  CHECK(text::words("one hundred") == text::words("100"));
  CHECK(text::words("a hundred") == text::words("100"));
  CHECK(text::words("three hundred") == text::words("300"));
  CHECK(text::words("1,000 is 3.14") == Words{"1000", "is", "3.14"});
  CHECK(text::words("50%") == text::words("fifty percent"));
}

TEST_CASE("word error rate counts substituted, missing and extra words") {
  CHECK(text::word_error_rate("a b c d", "a b c d") == 0.0);
  CHECK(text::word_error_rate("a b c d", "a x c d") == 0.25);
  CHECK(text::word_error_rate("a b c d", "a c d") == 0.25);
  CHECK(text::word_error_rate("a b c d", "a b q c d") == 0.25);
  CHECK(text::word_error_rate("What is two plus two?", "what is 2 plus 2") == 0.0);
  CHECK(text::word_error_rate("", "") == 0.0);
  CHECK(text::word_error_rate("", "x") == 1.0);
  CHECK(text::word_error_rate("a", "x y z") == 3.0);
}

TEST_CASE("character error rate does not see spacing") {
  CHECK(text::character_error_rate("불을 켜 줘", "불을 켜줘") == 0.0);
  CHECK(text::character_error_rate("불을 켜 줘", "불을 꺼 줘") == 0.25);
}

TEST_CASE("lower case in place moves no byte") {
  CHECK(text::lowered_in_place("Tea FÜR 한국, ÄRGER") == "tea für 한국, ärger");
  // Where the small letter takes fewer bytes, the capital stays: I with a dot, the sign of Kelvin.
  CHECK(text::lowered_in_place("\xC4\xB0X") == "\xC4\xB0x");
  CHECK(text::lowered_in_place("5 \xE2\x84\xAA OK") == "5 \xE2\x84\xAA ok");
  CHECK(text::lowered_in_place("A\xFF\xC3") == "a\xFF\xC3");  // bytes that are no letter
  CHECK(text::lowered_in_place("").empty());
}
