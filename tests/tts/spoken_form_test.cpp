#include "tts/spoken_form.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/utf8.hpp"
#include "tts/clauses.hpp"
#include "tts/pronunciations.hpp"
#include "tts/text_scan.hpp"

namespace prot::tts {
namespace {

const Pronunciations kNone;

std::string english(std::string_view text) { return spoken_form(text, "en", kNone).text; }
std::string korean(std::string_view text) { return spoken_form(text, "ko", kNone).text; }

struct Pair {
  std::string_view written;
  std::string_view spoken;
};

void check_pairs(std::span<const Pair> pairs, std::string (*say)(std::string_view)) {
  for (const Pair& pair : pairs) {
    CAPTURE(pair.written);
    CHECK(say(pair.written) == pair.spoken);
  }
}

/// Whatever the text: pieces cover both sides in order, copied ones are the same, the whole is UTF-8.
void check_form(std::string_view source, const SpokenForm& form) {
  CAPTURE(source);
  std::size_t source_at = 0;
  std::size_t spoken_at = 0;
  for (const SpokenForm::Piece& piece : form.pieces) {
    REQUIRE(piece.source_end > source_at);
    REQUIRE(piece.spoken_end >= spoken_at);
    if (piece.copied)
      REQUIRE(source.substr(source_at, piece.source_end - source_at) ==
              std::string_view(form.text).substr(spoken_at, piece.spoken_end - spoken_at));
    source_at = piece.source_end;
    spoken_at = piece.spoken_end;
  }
  REQUIRE(source_at == source.size());
  REQUIRE(spoken_at == form.text.size());
  REQUIRE(utf8::is_valid(form.text));
  std::size_t last = 0;
  for (std::size_t spoken = 0; spoken <= form.text.size(); ++spoken) {
    const std::size_t at = form.source_at(source, spoken);
    REQUIRE(at >= last);
    REQUIRE(at <= source.size());
    // The end of a word, or nothing.
    REQUIRE((at == 0 || !scan::is_space(source[at - 1])));
    REQUIRE((at == 0 || at == source.size() || scan::is_space(source[at])));
    last = at;
  }
  const std::vector<Word> words = split_words(source);
  REQUIRE(last == (words.empty() ? 0 : words.back().end_byte));
}

}  // namespace

TEST_CASE("English numbers, money and units are words") {
  constexpr Pair kPairs[] = {
      {"It is 3.14 or so.", "It is three point one four or so."},
      {"1,234 people", "one thousand two hundred thirty-four people"},
      {"There are 7 days.", "There are seven days."},
      {"It costs $5.20.", "It costs five dollars and twenty cents."},
      {"$1 and $0.50", "one dollar and fifty cents"},
      {"$3.5 million, €20, ₩5,000", "three point five million dollars, twenty euros, five thousand won"},
      {"$5-$10 or $5-10", "five to ten dollars or five to ten dollars"},
      {"5 km, 1 km, 2.5kg", "five kilometers, one kilometer, two point five kilograms"},
      {"100 km/h", "one hundred kilometers per hour"},
      {"-5°C and 70°F", "minus five degrees Celsius and seventy degrees Fahrenheit"},
      {"20℃, 50%", "twenty degrees Celsius, fifty percent"},
      {"5-10% of it", "five to ten percent of it"},
      {"in 3-5 days", "in three to five days"},
      {"1st, 2nd, 3rd, 21st and 112th", "first, second, third, twenty-first and one hundred twelfth"},
      {"1/2 cup, 3/4 cup, 24/7", "one half cup, three quarters cup, twenty-four seven"},
      {"2½ cups and ½ cup", "two and a half cups and one half cup"},
      {"007 and 12345678901234567890",
       "zero zero seven and one two three four five six seven eight nine zero "
       "one two three four five six seven eight nine zero"},
      {"3 + 4 = 7, 2*3, 6 - 2", "three plus four equals seven, two times three, six minus two"},
      {"No. 5 and #1", "number five and number one"},
      {"1.2.3", "one point two point three"},
      {"Call 911!", "Call nine one one!"},
  };
  check_pairs(kPairs, english);
}

TEST_CASE("English dates, times and telephone numbers are words") {
  constexpr Pair kPairs[] = {
      {"on 2026-11-24.", "on November twenty-fourth, twenty twenty-six."},
      {"11/24/2026", "November twenty-fourth, twenty twenty-six"},
      {"2026-11-24T15:30", "November twenty-fourth, twenty twenty-six, fifteen thirty"},
      {"on November 24, 2026", "on November twenty-fourth, twenty twenty-six"},
      {"Nov. 5 or 5 March", "November fifth or fifth of March"},
      {"in 1776, 1990 and 2005", "in seventeen seventy-six, nineteen ninety and two thousand five"},
      {"the 1990s", "the nineteen nineties"},
      {"3:30 pm", "three thirty p m"},
      {"at 3 p.m. sharp", "at three p m sharp"},
      {"It is 3 p.m.", "It is three p m."},
      {"3:00, 3:05, 15:00", "three o'clock, three oh five, fifteen hundred"},
      {"9:00-17:30", "nine o'clock to seventeen thirty"},
      {"555-123-4567", "five five five, one two three, four five six seven"},
      {"+1 555-123-4567", "plus one, five five five, one two three, four five six seven"},
      {"(555) 123-4567", "five five five, one two three, four five six seven"},
  };
  check_pairs(kPairs, english);
}

TEST_CASE("English text that is no number stays as it is") {
  for (const std::string_view text : {"Hello, world!", "A4 and B2B and v1.2", "and/or", "well-known - really",
                                      "e.g. this", "R&D", "O'Brien's", "A - B"}) {
    CAPTURE(text);
    CHECK(english(text) == text);
  }
  CHECK(english("Go to example.com now.") == "Go to example dot com now.");
  CHECK(english("a.b@example.org") == "a dot b at example dot org");
  CHECK(english("COVID-19") == "COVID-nineteen");
}

TEST_CASE("Korean numbers are native or Sino-Korean by what is counted") {
  constexpr Pair kPairs[] = {
      {"한국은 3시 30분이에요.", "한국은 세 시 삼십 분이에요."},
      {"12시 30분, 13시", "열두 시 삼십 분, 십삼 시"},
      {"사과 10개를 샀어요", "사과 열 개를 샀어요"},
      {"1시, 2개, 3명, 20살, 25살", "한 시, 두 개, 세 명, 스무 살, 스물다섯 살"},
      {"3층 5호 101동", "삼 층 오 호 백일 동"},
      {"6개월 3년", "육 개월 삼 년"},
      {"4마리 5권 11장 21대 31번", "네 마리 다섯 권 열한 장 스물한 대 서른한 번"},
      {"3번 출구로 3번 갔어요", "삼 번 출구로 세 번 갔어요"},
      {"1번째, 2번째", "첫 번째, 두 번째"},
      {"30대 남성, 3대 1", "삼십 대 남성, 삼 대 일"},
      {"제3회", "제 삼 회"},
      {"100개, 0개, 1.5배", "백 개, 영 개, 일 점 오 배"},
      {"3시즌", "삼 시즌"},
      {"파이는 3.14예요.", "파이는 삼 점 일 사예요."},
      {"1/2, 3/4", "이 분의 일, 사 분의 삼"},
      {"2~3개, 3~5일, 9~18시", "두세 개, 삼에서 오 일, 아홉 시에서 십팔 시"},
      {"10~20%", "십에서 이십 퍼센트"},
      {"10여 명", "십여 명"},
      {"5G와 3D", "파이브지와 쓰리디"},
  };
  check_pairs(kPairs, korean);
}

TEST_CASE("Korean dates, money, units and telephone numbers are words") {
  constexpr Pair kPairs[] = {
      {"2026년 11월 24일", "이천이십육 년 십일 월 이십사 일"},
      {"2026-11-24에", "이천이십육 년 십일 월 이십사 일에"},
      {"2026. 11. 24. 기준", "이천이십육 년 십일 월 이십사 일 기준"},
      {"6월과 10월", "유월과 시월"},
      {"오후 3:30에", "오후 세 시 삼십 분에"},
      {"5,000원", "오천 원"},
      {"₩12,500", "만 이천오백 원"},
      {"$5.20", "오 달러 이십 센트"},
      {"5달러", "오 달러"},
      {"1만 5천원, 1억 원", "만 오천원, 일억 원"},
      {"123456789원", "일억 이천삼백사십오만 육천칠백팔십구 원"},
      {"5km, 20℃, 70%", "오 킬로미터, 이십 도, 칠십 퍼센트"},
      {"-5도, -5℃", "영하 오 도, 영하 오 도"},
      {"100km/h", "시속 백 킬로미터"},
      {"010-1234-5678로", "공일공 일이삼사 오육칠팔로"},
      {"02-123-4567", "공이 일이삼 사오육칠"},
      {"119에 전화", "일일구에 전화"},
      {"1588-1234", "일오팔팔 일이삼사"},
      {"example.com 보세요", "example 닷 com 보세요"},
      {"3 + 4 = 7", "삼 더하기 사 는 칠"},
  };
  check_pairs(kPairs, korean);
}

TEST_CASE("the way back ends at whole words of what was written") {
  const std::string_view source = "It is 3.14 now, $5.20!";
  const SpokenForm form = spoken_form(source, "en", kNone);
  REQUIRE(form.text == "It is three point one four now, five dollars and twenty cents!");
  const auto at = [&](std::string_view said) {
    return form.source_at(source, form.text.find(said) + said.size());
  };
  CHECK(at("is") == 5);
  CHECK(at("three") == 5);
  CHECK(at("one") == 5);
  CHECK(at("four") == 10);
  CHECK(at("now,") == 15);
  CHECK(at("twenty") == 15);
  CHECK(at("cents!") == source.size());
  CHECK(form.source_at(source, 0) == 0);
}

TEST_CASE("a particle belongs to the word of its number") {
  const std::string_view source = "사과 10개를 샀다";
  const SpokenForm form = spoken_form(source, "ko", kNone);
  const auto at = [&](std::string_view said) {
    return form.source_at(source, form.text.find(said) + said.size());
  };
  CHECK(source.substr(0, at("열")) == "사과");
  CHECK(source.substr(0, at("개")) == "사과");
  CHECK(source.substr(0, at("개를")) == "사과 10개를");
}

TEST_CASE("an alignment of what is said becomes one of what was written") {
  const std::string_view source = "Pay $5.20 now";
  const SpokenForm form = spoken_form(source, "en", kNone);
  std::vector<wire::AlignPoint> points;
  for (const Word& word : split_words(form.text))
    points.push_back(
        {static_cast<std::uint32_t>(word.end_byte), static_cast<std::uint32_t>(word.end_byte * 100)});
  const auto mapped = form.to_source(source, points, 0);
  REQUIRE(mapped.size() == 3);
  CHECK(mapped[0].byte == 3);
  CHECK(mapped[1].byte == 9);
  CHECK(mapped[1].sample == form.text.find(" now") * 100);
  CHECK(mapped[2].byte == source.size());
  // In two parts it is the same.
  auto parts = form.to_source(source, std::span(points).first(4), 0);
  const auto rest = form.to_source(source, std::span(points).subspan(4), parts.back().byte);
  parts.insert(parts.end(), rest.begin(), rest.end());
  REQUIRE(parts.size() == 3);
  CHECK(std::equal(parts.begin(), parts.end(), mapped.begin(),
                   [](const auto& a, const auto& b) { return a.byte == b.byte && a.sample == b.sample; }));
}

TEST_CASE("what was made speakable once stays as it is") {
  for (const std::string_view text : {"It is 3.14 or $5.20 on 2026-11-24 at 3:30 pm, 1st, 5 km, 1,234.",
                                      "9:00-17:30 in the 1990s, ½ and 50%."})
    CHECK(english(english(text)) == english(text));
  for (const std::string_view text :
       {"3시 30분에 10개를 010-1234-5678로", "2026-11-24, 3.14, 2~3명, $5.20, -5℃"})
    CHECK(korean(korean(text)) == korean(text));
}

TEST_CASE("any text has pieces that cover it, and any cut of it is at a word") {
  const std::vector<std::string> units = {"1",          "2",        "0",
                                          "35",         "2026",     "-",
                                          "~",          ".",        ",",
                                          ":",          "/",        "$",
                                          "₩",          "%",        " ",
                                          " ",          "\n",       "시",
                                          "개",         "월",       "를",
                                          "가나",       "three",    "km",
                                          "m",          "pm",       "st",
                                          "Nov.",       "½",        "°C",
                                          "😀",          "שלום",     "مرحبا",
                                          "\xFF",       "\xF0\x9F", "é",
                                          "+",          "(",        ")",
                                          "=",          "&",        "#",
                                          "@",          "a.com",    "만",
                                          "T",          "No. ",     "e\u0301",
                                          "\u00A0",     "US$",      "010-1234-5678",
                                          "2026-11-24", "3:30"};
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = 1 + random() % 12; i > 0; --i) text += units[random() % units.size()];
    for (const std::string_view language : {"en", "ko"}) check_form(text, spoken_form(text, language, kNone));
  }
  for (int round = 0; round < 5000; ++round) {  // bytes of any kind
    std::string text;
    for (std::size_t i = 1 + random() % 20; i > 0; --i) text += static_cast<char>(random() % 256);
    for (const std::string_view language : {"en", "ko"}) check_form(text, spoken_form(text, language, kNone));
  }
}

TEST_CASE("the person's pronunciations: longest first, whole words, with a particle in Korean") {
  std::vector<std::string> problems;
  const Pronunciations own = Pronunciations::parse(
      "\xEF\xBB\xBF# mine\n"
      "kubectl = cube control\n"
      "kubectl apply = cube control apply\n"
      "[en]\n"
      "SQL = sequel\r\n"
      "\n"
      "[ko]\n"
      "API = 에이피아이\n"
      "김치 = 김ː치\n",
      "own.txt", problems);
  CHECK(problems.empty());
  CHECK(own.size() == 5);
  const auto say = [&](std::string_view text, std::string_view language) {
    const SpokenForm form = spoken_form(text, language, own);
    check_form(text, form);
    return form.text;
  };
  CHECK(say("Run kubectl apply now.", "en") == "Run cube control apply now.");
  CHECK(say("Kubectl, kubectls", "en") == "cube control, kubectls");
  CHECK(say("SQL, sql and MySQL", "en") == "sequel, sql and MySQL");
  CHECK(say("SQL과 API를 새API와 APIs", "ko") == "SQL과 에이피아이를 새 에이피아이와 APIs");
  CHECK(say("김치찌개와 새김치", "ko") == "김ː치찌개와 새김치");
}

TEST_CASE("every mistake in a file of pronunciations is told with its line, and the rest counts") {
  std::vector<std::string> problems;
  const Pronunciations own = Pronunciations::parse(
      "good = fine\nnothing here\n = empty\nempty =\n[fr]\n\xFF\xFE = x\ngood = again\nlast = end", "own.txt",
      problems);
  CHECK(own.size() == 2);
  REQUIRE(problems.size() == 6);
  CHECK(problems[0] == "own.txt:2: no \"=\" in it; a line is \"written = spoken\"");
  CHECK(problems[1] == "own.txt:3: nothing stands before the \"=\"");
  CHECK(problems[2] == "own.txt:4: nothing stands behind the \"=\"");
  CHECK(problems[3] == "own.txt:5: an unknown section [fr]; there are [en], [ko] and [all]");
  CHECK(problems[4] == "own.txt:6: not UTF-8");
  CHECK(problems[5] == "own.txt:7: \"good\" was there before");
  problems.clear();
  CHECK(Pronunciations::load("/no/such/file", problems).size() == 0);
  CHECK(problems == std::vector<std::string>{"/no/such/file: cannot read it"});
}

}  // namespace prot::tts
