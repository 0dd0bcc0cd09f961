#include "text/speakable.hpp"

#include <doctest/doctest.h>

using prot::text::speakable;

TEST_CASE("Markdown marks are not spoken") {
  CHECK(speakable("**Bold** and *soft* and `code`.") == "Bold and soft and code.");
  CHECK(speakable("# Title\n- one\n- two") == "Title one two");
  CHECK(speakable("> quoted") == "quoted");
  CHECK(speakable("snake_case and _soft_") == "snake_case and soft");
  CHECK(speakable("~~gone~~ 안녕~") == "gone 안녕");
  CHECK(speakable("---") == "");
}

TEST_CASE("code fences are left out") {
  CHECK(speakable("Look:\n```cpp\nint x;\n```\nDone.") == "Look: Done.");
  CHECK(speakable("```\nnever closed") == "");
}

TEST_CASE("a link is spoken as its text, an address as its host") {
  CHECK(speakable("See [the **manual**](https://x.org/y).") == "See the manual.");
  CHECK(speakable("Go to https://www.example.com/a?b=c.") == "Go to example.com.");
  CHECK(speakable("![a cat](cat.png)") == "a cat");
  CHECK(speakable("[1] is a note") == "[1] is a note");
}

TEST_CASE("emoji and control characters are left out") {
  CHECK(speakable("좋아요 😀👍🏽!") == "좋아요 !");
  CHECK(speakable("a\x01\tb") == "a b");
  CHECK(speakable("😀") == "");
}

TEST_CASE("a table is spoken cell by cell") {
  CHECK(speakable("| a | b |\n|---|---|\n| 1 | 2 |") == "a, b, 1, 2");
}

TEST_CASE("plain text stays as it is") {
  CHECK(speakable("It's 3 ~ 5 degrees, isn't it?") == "It's 3~5 degrees, isn't it?");
  CHECK(speakable("2*3 is 6") == "2*3 is 6");
  CHECK(speakable("  안녕하세요.  ") == "안녕하세요.");
  CHECK(speakable("3~5 and 2 * 3") == "3~5 and 2 * 3");
}
