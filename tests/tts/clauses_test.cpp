#include "tts/clauses.hpp"

#include <doctest/doctest.h>

namespace prot::tts {
namespace {

std::string shape(std::string_view text) {
  std::string all;
  for (const Clause& clause : split_clauses(text)) {
    all += "[" + clause.text;
    if (clause.mark != 0) all += std::string(1, clause.mark);
    all += "]";
  }
  return all;
}

}  // namespace

TEST_CASE("clauses end at punctuation that ends a word") {
  CHECK(shape("Hello, my friend. How are you?") == "[Hello,][my friend.][How are you?]");
  CHECK(shape("no mark at the end") == "[no mark at the end]");
  CHECK(shape("What?! Really...") == "[What?][Really.]");
  CHECK(shape("He said \"yes.\" Then he left.") == "[He said yes.][Then he left.]");
  CHECK(shape("(aside), then") == "[aside,][then]");
}

TEST_CASE("numbers, times, initials and titles are not torn apart") {
  CHECK(shape("It is 3.14, at 10:30.") == "[It is 3.14,][at 10:30.]");
  CHECK(shape("Dr. Smith lives in the U.S. now.") == "[Doctor Smith lives in the U.S. now.]");
  CHECK(shape("It's five o'clock") == "[It's five o'clock]");
  CHECK(shape("at 5 p.m.") == "[at 5 p.m..]");
}

TEST_CASE("typographic marks are the voice's own") {
  CHECK(shape("Don\u2019t wait\u2026 go\u2014now") == "[Don't wait.][go,now]");
}

TEST_CASE("nothing to say makes no clause") {
  CHECK(split_clauses("").empty());
  CHECK(split_clauses("  ... - !").empty());
}

TEST_CASE("every word keeps its end in the text, a lone dash belongs to the word before") {
  const std::string_view text = "Well, this - is it.";
  const std::vector<Clause> clauses = split_clauses(text);
  REQUIRE(clauses.size() == 2);
  CHECK(text.substr(0, clauses[0].words.at(0).end_byte) == "Well,");
  CHECK(text.substr(0, clauses[1].words.at(0).end_byte) == "Well, this -");
  CHECK(clauses[1].words.back().end_byte == text.size());
}

}  // namespace prot::tts
