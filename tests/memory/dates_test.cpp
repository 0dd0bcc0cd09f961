#include "memory/extraction/dates.hpp"

#include <doctest/doctest.h>

#include <ctime>

using namespace prot;
using prot::memory::with_dates;

namespace {

/// Local noon.
Nanos noon(int year, int month, int day) {
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = 12;
  parts.tm_isdst = -1;
  return static_cast<Nanos>(std::mktime(&parts)) * kSecond;
}

const Nanos kThursday = noon(2026, 11, 26);

std::string on_thursday(std::string_view text) { return with_dates(text, kThursday); }

}  // namespace

TEST_CASE("days are dates") {
  CHECK(on_thursday("The exam is tomorrow.") == "The exam is tomorrow (2026-11-27).");
  CHECK(on_thursday("Yesterday I met Anna.") == "Yesterday (2026-11-25) I met Anna.");
  CHECK(on_thursday("She left the day before yesterday.") ==
        "She left the day before yesterday (2026-11-24).");
  CHECK(on_thursday("I moved 3 days ago.") == "I moved 3 days ago (2026-11-23).");
  CHECK(on_thursday("We leave in 2 weeks.") == "We leave in 2 weeks (2026-12-10).");
  CHECK(on_thursday("어제 민수를 만났다.") == "어제 (2026-11-25) 민수를 만났다.");
  CHECK(on_thursday("내일은 시험이다.") == "내일은 (2026-11-27) 시험이다.");
  CHECK(on_thursday("그저께와 모레, 글피") == "그저께와 (2026-11-24) 모레 (2026-11-28), 글피 (2026-11-29)");
  CHECK(on_thursday("3일 전에 이사했다.") == "3일 전에 (2026-11-23) 이사했다.");
  CHECK(on_thursday("2주 뒤에 간다.") == "2주 뒤에 (2026-12-10) 간다.");
}

TEST_CASE("numbers that are words count as well") {
  CHECK(on_thursday("I bought it two weeks ago.") == "I bought it two weeks ago (2026-11-12).");
  CHECK(on_thursday("We met a year ago, a month ago and an hour ago.") ==
        "We met a year ago (2025), a month ago (2026-10) and an hour ago.");
  CHECK(on_thursday("We leave in ten days.") == "We leave in ten days (2026-12-06).");
  CHECK(on_thursday("이틀 전에 샀어요.") == "이틀 전에 (2026-11-24) 샀어요.");
  CHECK(on_thursday("일주일 뒤 시험이다.") == "일주일 뒤 (2026-12-03) 시험이다.");
  CHECK(on_thursday("한 달 전부터 배웠다.") == "한 달 전부터 (2026-10) 배웠다.");
  CHECK(on_thursday("두달전에, 삼 년 전에") == "두달전에 (2026-09), 삼 년 전에 (2023)");
  CHECK(on_thursday("3 개월 후에 낳는다.") == "3 개월 후에 (2027-02) 낳는다.");
  CHECK(on_thursday("열흘 뒤, 반년 전") == "열흘 뒤 (2026-12-06), 반년 전 (2026-05)");
}

TEST_CASE("weekends are the days that are meant, nights too") {
  CHECK(on_thursday("last weekend") == "last weekend (weekend of 2026-11-21)");
  CHECK(on_thursday("This weekend we hike.") == "This weekend (weekend of 2026-11-28) we hike.");
  CHECK(on_thursday("지난 주말에 갔다.") == "지난 주말에 (weekend of 2026-11-21) 갔다.");
  CHECK(on_thursday("Last night it rained.") == "Last night (2026-11-25) it rained.");
  CHECK(on_thursday("어젯밤에 잤다.") == "어젯밤에 (2026-11-25) 잤다.");
}

TEST_CASE("days of the week, weeks, months and years are, too") {
  CHECK(on_thursday("Next Friday is the party.") == "Next Friday (2026-12-04) is the party.");
  CHECK(on_thursday("last monday") == "last monday (2026-11-23)");
  CHECK(on_thursday("this Friday") == "this Friday (2026-11-27)");
  CHECK(on_thursday("다음 주 화요일에 이사한다.") == "다음 주 화요일에 (2026-12-01) 이사한다.");
  CHECK(on_thursday("지난주 토요일") == "지난주 토요일 (2026-11-21)");
  CHECK(on_thursday("next week") == "next week (week of 2026-11-30)");
  CHECK(on_thursday("지난달에 샀다.") == "지난달에 (2026-10) 샀다.");
  CHECK(on_thursday("내년에 결혼한다.") == "내년에 (2027) 결혼한다.");
  CHECK(with_dates("next month", noon(2026, 12, 31)) == "next month (2027-01)");
  CHECK(with_dates("tomorrow", noon(2028, 2, 28)) == "tomorrow (2028-02-29)");
}

TEST_CASE("what is no date of a day stays") {
  for (const char* text :
       {"The user likes tea.", "오늘날 사람들은 바쁘다.", "그제야 알았다.",
        "It was on 2026-11-20, last week.", "", "next door", "in 2 boxes", "3일", "this monk", "todays",
        "twice in a week", "하루 전화를 했다.", "사흘 내내", "이 전에", "일 전", "two weeks of rain"})
    CHECK(on_thursday(text) == text);
  CHECK(with_dates("tomorrow", 0) == "tomorrow");
}
