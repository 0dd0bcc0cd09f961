#include "text/sentence_splitter.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace prot;
using Segments = std::vector<std::string>;

namespace {

void add(Segments& all, Segments more) { all.insert(all.end(), more.begin(), more.end()); }

Segments split(std::string_view input, text::SplitterOptions options = {}) {
  text::SentenceSplitter splitter(options);
  Segments all = splitter.push(input);
  add(all, splitter.flush());
  return all;
}

/// Without the early first clause: only where sentences end.
Segments sentences(std::string_view input) {
  text::SplitterOptions options;
  options.first_clause_width = options.first_conjunction_width = 1000;
  return split(input, options);
}

std::string join(const Segments& segments) {
  return std::accumulate(segments.begin(), segments.end(), std::string());
}

const std::vector<std::string> kTexts = {
    "Hello there. How are you? Fine!",
    "네, 알겠습니다. 오늘 날씨는 맑고, 기온은 3.14도예요! 우산은 필요 없어요.",
    "음... 글쎄요. 잘 모르겠어요… 그래도 해 볼게요~ 정말요?! 네.",
    "Dr. Smith met J. R. Tolkien at 7 a.m. in the U.S. on Jan. 5, 2024. It was fun, e.g. the cake.",
    "Steps:\n1. Open the door.\n2. Close it.\n\n- one\n- two\n```\ncode. More code.\n```\nDone.",
    "See https://example.com/a.b?c=d. Then go to example.com now. 끝",
    "「はい。」そうです。日本語。",
    "😀👍🏽 emoji. \xF0\x9F broken \xFF bytes. 한글",
    "2024. 5. 12. 기준입니다. No. 5 is here. No. It is not.",
    "   leading. \n\n trailing.   \n",
};

}  // namespace

TEST_CASE("a sentence ends at its stop, with the white space after it") {
  CHECK(sentences("Hello there. How are you? Fine!") == Segments{"Hello there. ", "How are you? ", "Fine!"});
  CHECK(sentences("안녕하세요. 오늘은 맑아요! 나갈까요? 네") ==
        Segments{"안녕하세요. ", "오늘은 맑아요! ", "나갈까요? ", "네"});
  CHECK(sentences("정말요?! 네.") == Segments{"정말요?! ", "네."});
  CHECK(sentences("안녕~ 반가워요") == Segments{"안녕~ ", "반가워요"});
  CHECK(sentences("He said \"Stop.\" Then he left.") == Segments{"He said \"Stop.\" ", "Then he left."});
}

TEST_CASE("numbers, dates and list marks are not cut") {
  CHECK(sentences("It is 3.14 or 1,000.5 here.") == Segments{"It is 3.14 or 1,000.5 here."});
  CHECK(sentences("1. 사과 2. 배") == Segments{"1. 사과 2. 배"});
  CHECK(sentences("10. ten").size() == 1);
  CHECK(sentences("2024. 5. 12. 기준").size() == 1);
  CHECK(sentences("The answer is 42. It is known.") == Segments{"The answer is 42. ", "It is known."});
  CHECK(sentences("It is No. 5 here.").size() == 1);
  CHECK(sentences("No. It is not.") == Segments{"No. ", "It is not."});
}

TEST_CASE("addresses are not cut") {
  CHECK(sentences("example.com 보세요").size() == 1);
  CHECK(sentences("Go to https://example.com/a.b?c=d!e now").size() == 1);
  CHECK(sentences("Mail a.b@example.com please").size() == 1);
  CHECK(sentences("See example.com. It works.") == Segments{"See example.com. ", "It works."});
}

TEST_CASE("ellipses and abbreviations are not cut") {
  CHECK(sentences("음... 글쎄요.") == Segments{"음... 글쎄요."});
  CHECK(sentences("음… 글쎄요. 네.") == Segments{"음… 글쎄요. ", "네."});
  CHECK(sentences("Dr. Smith and Mrs. Kim came.").size() == 1);
  CHECK(sentences("Fruit, e.g. Apples and i.e. Pears.").size() == 1);
  CHECK(sentences("The U.S. Senate met at 7 p.m. Monday.").size() == 1);
  CHECK(sentences("J. R. R. Tolkien wrote.").size() == 1);
  CHECK(sentences("cats, dogs, etc. are nice").size() == 1);
}

TEST_CASE("full-width stops need no white space") {
  CHECK(sentences("そうです。はい！") == Segments{"そうです。", "はい！"});
  CHECK(sentences("「はい。」そうです。") == Segments{"「はい。」", "そうです。"});
}

TEST_CASE("a line is a segment, and code in fences is not cut") {
  CHECK(sentences("Milk\nBread\n") == Segments{"Milk\n", "Bread\n"});
  CHECK(sentences("So:\n```\na. B. c\nD\n```\nDone.") ==
        Segments{"So:\n", "```\na. B. c\nD\n```\n", "Done."});
}

TEST_CASE("the first segment may end at a clause, later ones do not") {
  CHECK(split("Sure, I can help with that, if you like, today. Now, first of all, this.") ==
        Segments{"Sure, I can help with that, ", "if you like, today. ", "Now, first of all, this."});
  CHECK(split("네, 알겠습니다, 바로 할게요.") == Segments{"네, 알겠습니다, ", "바로 할게요."});
  CHECK(split("Well, no. Yes.") == Segments{"Well, no. ", "Yes."});
  CHECK(split("The meeting is on January 5, 2024 at noon.").size() == 1);
  CHECK(split("The sky looks blue to us on a clear day because air scatters light.") ==
        Segments{"The sky looks blue to us on a clear day ", "because air scatters light."});
}

TEST_CASE("a segment comes as soon as the next word begins") {
  text::SentenceSplitter splitter;
  CHECK(splitter.push("Hello there.").empty());
  CHECK(splitter.push(" H") == Segments{"Hello there. "});
  CHECK(splitter.push("i.").empty());
  CHECK(splitter.flush() == Segments{"Hi."});
  CHECK(splitter.flush().empty());
}

TEST_CASE("a text without an end is cut at 2000 characters") {
  for (const std::string unit : {"가", "a", "😀", "ab ", "가나 "}) {
    std::string input;
    while (text::count_code_points(input) < 7000) input += unit;
    const Segments all = split(input);
    CHECK(join(all) == input);
    CHECK(all.size() >= 3);
    for (const std::string& segment : all) {
      CHECK(text::count_code_points(segment) <= 2000);
      CHECK(text::is_valid_utf8(segment));
    }
  }
}

// The audit's own figures: what has come out, and what is left of it, at every byte of the way.
TEST_CASE("2,100 syllables without an end: a segment, and never more than 2,000 left") {
  std::string input;
  for (int i = 0; i < 2100; ++i) input += "가";
  text::SentenceSplitter splitter;
  Segments all;
  std::size_t bytes_out = 0;
  for (std::size_t at = 0; at < input.size(); ++at) {
    for (std::string& segment : splitter.push(input.substr(at, 1))) {
      CHECK(text::is_valid_utf8(segment));
      bytes_out += segment.size();
      all.push_back(std::move(segment));
    }
    REQUIRE((at + 1 - bytes_out) / 3 <= 2000);
  }
  REQUIRE(all.size() == 1);
  CHECK(text::count_code_points(all.front()) == 2000);
  CHECK(text::count_code_points(splitter.flush().at(0)) == 100);
}

TEST_CASE("the segments are the text, whatever it is") {
  for (const std::string& input : kTexts) CHECK(join(split(input)) == text::sanitize_utf8(input));
}

TEST_CASE("every division of a text into two or three pieces gives the same segments") {
  for (const std::string& input : kTexts) {
    const Segments expected = split(input);
    for (std::size_t a = 0; a <= input.size(); ++a) {
      for (std::size_t b = a; b <= input.size(); ++b) {
        text::SentenceSplitter splitter;
        Segments all = splitter.push(std::string_view(input).substr(0, a));
        add(all, splitter.push(std::string_view(input).substr(a, b - a)));
        add(all, splitter.push(std::string_view(input).substr(b)));
        add(all, splitter.flush());
        REQUIRE(all == expected);
      }
    }
  }
}

TEST_CASE("random texts in random pieces give the same segments, and join to the text") {
  const std::vector<std::string> units = {
      " ", " ",  "\n", ".",  ",",   "!", "?",        "…",    "```", "1",    "가",           "다", "a",
      "B", "Dr", "。", "\"", "but", "😀", "\xF0\x9F", "\xFF", "~",   "e.g.", "http://a.b/c", "  "};
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string input;
    for (std::size_t i = random() % 60; i > 0; --i) input += units[random() % units.size()];
    text::SplitterOptions options;
    options.max_code_points = 20 + random() % 50;
    const Segments expected = split(input, options);
    REQUIRE(join(expected) == text::sanitize_utf8(input));
    for (int division = 0; division < 4; ++division) {
      text::SentenceSplitter splitter(options);
      Segments all;
      for (std::size_t at = 0; at < input.size();) {
        const std::size_t size = 1 + random() % 7;
        add(all, splitter.push(std::string_view(input).substr(at, size)));
        at += size;
      }
      add(all, splitter.flush());
      REQUIRE(all == expected);
    }
  }
}

TEST_CASE("Korean sentences end without white space, numbers and lists do not") {
  CHECK(sentences("그렇습니다.다음은 이것이에요!좋아요?네") ==
        Segments{"그렇습니다.", "다음은 이것이에요!", "좋아요?", "네"});
  CHECK(sentences("가.나.다 순서").size() == 1);
  CHECK(sentences("제3.가항을 보세요").size() == 1);
  CHECK(sentences("음...네요").size() == 1);
}

TEST_CASE("the first segment may end behind a Korean clause") {
  CHECK(split("오늘 서울은 아침에 조금 흐리겠지만 오후에는 맑고 따뜻하겠습니다.") ==
        Segments{"오늘 서울은 아침에 조금 흐리겠지만 ", "오후에는 맑고 따뜻하겠습니다."});
  CHECK(split("비가 오는데 괜찮아요.").size() == 1);
}

TEST_CASE("a text in one piece is cut in front of the character that does not fit any more") {
  const std::vector<std::string> characters = {
      "\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466",  // a family
      "\U0001F1F0\U0001F1F7",                                        // a flag
      "\U0001F44D\U0001F3FD",                                        // a thumb with its skin tone
      "1\uFE0F\u20E3",                                               // a keycap
      "e\u0301\u0323",
      "\u1112\u1161\u11AB",  // han, letter by letter
      "가",
      "x",
      "\u05D0\u05B8",  // Hebrew with its vowel
      "\u0627\u064E",
      " "};
  std::mt19937 random(3);
  for (int round = 0; round < 400; ++round) {
    std::string input;
    std::set<std::size_t> borders{0};
    for (int i = 0; i < 200; ++i) {
      input += characters[random() % (characters.size() - (round % 2 == 0 ? 1 : 0))];
      borders.insert(input.size());
    }
    text::SplitterOptions options;
    options.max_code_points = 12 + random() % 40;
    std::size_t at = 0;
    for (const std::string& segment : split(input, options)) {
      REQUIRE(text::count_code_points(segment) <= options.max_code_points);
      at += segment.size();
      REQUIRE(borders.count(at) == 1);
    }
    REQUIRE(at == input.size());
  }
}

TEST_CASE("a character without an end is cut all the same") {
  std::string input = "a";
  for (int i = 0; i < 5000; ++i) input += "\u0301";
  const Segments all = split(input);
  CHECK(join(all) == input);
  CHECK(all.size() == 3);
}

TEST_CASE("a segment tells whether its sentence is over") {
  for (const std::string_view text :
       {"Hello. ", "정말요?! ", "Milk\n", "Steps:\n", "\"Stop.\" ", "음… ", "안녕~ ", ""})
    CHECK(text::ends_sentence(text));
  for (const std::string_view text : {"Sure, I can help, ", "on a clear day ", "흐리겠지만 ", "네, "})
    CHECK_FALSE(text::ends_sentence(text));
}

TEST_CASE("random bytes in random pieces give the same segments") {
  const std::vector<std::string> units = {"\xE2\x80\x8F",
                                          "שלום",
                                          "مرحبا",
                                          "\xED\xA0\x80",
                                          "\xC0\xAF",
                                          "\xF4\x90\x80\x80",
                                          "😀",
                                          "\u200D",
                                          "\uFE0F",
                                          "🇰🇷",
                                          "다.",
                                          "요!",
                                          "지만",
                                          "가",
                                          " ",
                                          "\r\n",
                                          "\u0301",
                                          "3.14",
                                          "1.",
                                          "...",
                                          "…",
                                          "。",
                                          "！",
                                          "?",
                                          "\"",
                                          "```",
                                          "이천",
                                          "http://가.나/다",
                                          "\u3000"};
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::string input;
    for (std::size_t i = random() % 50; i > 0; --i)
      input += random() % 8 == 0 ? std::string(1, static_cast<char>(random() % 256))
                                 : units[random() % units.size()];
    text::SplitterOptions options;
    options.max_code_points = 10 + random() % 60;
    options.first_conjunction_width = random() % 40;
    const Segments expected = split(input, options);
    REQUIRE(join(expected) == text::sanitize_utf8(input));
    for (const std::string& segment : expected)
      REQUIRE(text::count_code_points(segment) <= options.max_code_points);
    for (int division = 0; division < 3; ++division) {
      text::SentenceSplitter splitter(options);
      Segments all;
      for (std::size_t at = 0; at < input.size();) {
        const std::size_t size = 1 + random() % 5;
        add(all, splitter.push(std::string_view(input).substr(at, size)));
        at += size;
      }
      add(all, splitter.flush());
      REQUIRE(all == expected);
    }
  }
}
