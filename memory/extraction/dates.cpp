#include "extraction/dates.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <ctime>
#include <optional>
#include <vector>

#include "base/local_tm.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

using std::chrono::days;
using std::chrono::months;
using std::chrono::sys_days;
using std::chrono::year_month_day;
using std::chrono::years;

struct Word {
  std::size_t begin = 0;
  std::size_t end = 0;  // without the mark behind it
  std::string folded;
};

using Unit = RelativeDate::Unit;

// The longer ones first.
constexpr std::array kRelative = std::to_array<RelativeDate>({{"day before yesterday", Unit::kDay, -2},
                                                              {"day after tomorrow", Unit::kDay, 2},
                                                              {"yesterday", Unit::kDay, -1},
                                                              {"tomorrow", Unit::kDay, 1},
                                                              {"today", Unit::kDay, 0},
                                                              {"tonight", Unit::kDay, 0},
                                                              {"last night", Unit::kDay, -1},
                                                              {"this morning", Unit::kDay, 0},
                                                              {"this afternoon", Unit::kDay, 0},
                                                              {"this evening", Unit::kDay, 0},
                                                              {"last week", Unit::kWeek, -1},
                                                              {"this week", Unit::kWeek, 0},
                                                              {"next week", Unit::kWeek, 1},
                                                              {"last month", Unit::kMonth, -1},
                                                              {"this month", Unit::kMonth, 0},
                                                              {"next month", Unit::kMonth, 1},
                                                              {"last year", Unit::kYear, -1},
                                                              {"this year", Unit::kYear, 0},
                                                              {"next year", Unit::kYear, 1},
                                                              {"그끄저께", Unit::kDay, -3},
                                                              {"그저께", Unit::kDay, -2},
                                                              {"그제", Unit::kDay, -2},
                                                              {"엊그제", Unit::kDay, -2},
                                                              {"어제", Unit::kDay, -1},
                                                              {"어젯밤", Unit::kDay, -1},
                                                              {"지난밤", Unit::kDay, -1},
                                                              {"간밤", Unit::kDay, -1},
                                                              {"오늘", Unit::kDay, 0},
                                                              {"내일모레", Unit::kDay, 2},
                                                              {"내일", Unit::kDay, 1},
                                                              {"모레", Unit::kDay, 2},
                                                              {"글피", Unit::kDay, 3},
                                                              {"지지난 주", Unit::kWeek, -2},
                                                              {"지난 주", Unit::kWeek, -1},
                                                              {"지난주", Unit::kWeek, -1},
                                                              {"저번 주", Unit::kWeek, -1},
                                                              {"저번주", Unit::kWeek, -1},
                                                              {"이번 주", Unit::kWeek, 0},
                                                              {"이번주", Unit::kWeek, 0},
                                                              {"다음 주", Unit::kWeek, 1},
                                                              {"다음주", Unit::kWeek, 1},
                                                              {"다다음 주", Unit::kWeek, 2},
                                                              {"다다음주", Unit::kWeek, 2},
                                                              {"지난 달", Unit::kMonth, -1},
                                                              {"지난달", Unit::kMonth, -1},
                                                              {"저번 달", Unit::kMonth, -1},
                                                              {"저번달", Unit::kMonth, -1},
                                                              {"이번 달", Unit::kMonth, 0},
                                                              {"이번달", Unit::kMonth, 0},
                                                              {"다음 달", Unit::kMonth, 1},
                                                              {"다음달", Unit::kMonth, 1},
                                                              {"재작년", Unit::kYear, -2},
                                                              {"작년", Unit::kYear, -1},
                                                              {"올해", Unit::kYear, 0},
                                                              {"내년", Unit::kYear, 1},
                                                              {"내후년", Unit::kYear, 2}});
constexpr std::array<std::string_view, 7> kEnglishDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                          "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 7> kKoreanDays = {"월요일", "화요일", "수요일", "목요일",
                                                         "금요일", "토요일", "일요일"};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> words;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find(' ', begin);
    if (end == std::string_view::npos) end = text.size();
    std::size_t last = end;
    while (last > begin && std::string_view(".,!?;:'\")").find(text[last - 1]) != std::string_view::npos)
      --last;
    if (last > begin)
      words.push_back({begin, last, text::normalize_nfkc_casefold(text.substr(begin, last - begin))});
    begin = end + 1;
  }
  return words;
}

bool is_ascii(std::string_view word) { return !word.empty() && static_cast<unsigned char>(word[0]) < 0x80; }

bool fits(const Word& word, std::string_view wanted, bool last) {
  if (is_ascii(wanted)) return word.folded == wanted || (last && word.folded == std::string(wanted) + "'s");
  return last ? word.folded.starts_with(wanted) : word.folded == wanted;
}

/// How many words from `at` on say `wanted`; 0: they do not.
std::size_t said(const std::vector<Word>& words, std::size_t at, std::string_view wanted) {
  std::size_t count = 0;
  while (!wanted.empty()) {
    const std::size_t space = wanted.find(' ');
    const std::string_view next = wanted.substr(0, space);
    wanted.remove_prefix(space == std::string_view::npos ? wanted.size() : space + 1);
    if (at + count >= words.size() || !fits(words[at + count], next, wanted.empty())) return 0;
    ++count;
  }
  return count;
}

template <std::size_t N>
std::optional<int> day_of_week(const Word& word, const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i)
    if (fits(word, names[i], true)) return static_cast<int>(i);
  return std::nullopt;
}

sys_days monday_of(sys_days day) { return day - days{(std::chrono::weekday{day}.iso_encoding() + 6) % 7}; }

std::string iso(year_month_day day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

std::string moved(sys_days today, Unit unit, int by) {
  const year_month_day date{today};
  switch (unit) {
    case Unit::kDay:
      return iso(year_month_day{today + days{by}});
    case Unit::kWeek:
      return "week of " + iso(year_month_day{monday_of(today) + days{7 * by}});
    case Unit::kMonth:
      return iso(date + months{by}).substr(0, 7);
    case Unit::kYear:
      return iso(date + years{by}).substr(0, 4);
  }
  return {};
}

struct Found {
  std::size_t words = 0;  // how many it takes
  std::string date;
};

struct Amount {
  std::string_view word;
  int value;
};
constexpr std::array kEnglishNumbers = std::to_array<Amount>({{"a", 1},
                                                              {"an", 1},
                                                              {"one", 1},
                                                              {"two", 2},
                                                              {"three", 3},
                                                              {"four", 4},
                                                              {"five", 5},
                                                              {"six", 6},
                                                              {"seven", 7},
                                                              {"eight", 8},
                                                              {"nine", 9},
                                                              {"ten", 10},
                                                              {"eleven", 11},
                                                              {"twelve", 12}});
// The longer ones first.
constexpr std::array kKoreanNumbers = std::to_array<Amount>(
    {{"다섯", 5}, {"여섯", 6}, {"일곱", 7}, {"여덟", 8}, {"아홉", 9}, {"한", 1}, {"두", 2}, {"세", 3},
     {"석", 3},   {"네", 4},   {"넉", 4},   {"열", 10},  {"일", 1},   {"이", 2}, {"삼", 3}, {"사", 4},
     {"오", 5},   {"육", 6},   {"칠", 7},   {"팔", 8},   {"구", 9},   {"십", 10}});
struct Length {
  std::string_view word;
  Unit unit;
  int value = 1;
};
constexpr std::array kEnglishUnits = std::to_array<Length>(
    {{"day", Unit::kDay}, {"week", Unit::kWeek}, {"month", Unit::kMonth}, {"year", Unit::kYear}});
constexpr std::array kKoreanUnits = std::to_array<Length>({{"일", Unit::kDay},
                                                           {"주일", Unit::kWeek},
                                                           {"주", Unit::kWeek},
                                                           {"달", Unit::kMonth},
                                                           {"개월", Unit::kMonth},
                                                           {"년", Unit::kYear}});
// With their number in them.
constexpr std::array kKoreanLengths = std::to_array<Length>({{"하루", Unit::kDay, 1},
                                                             {"이틀", Unit::kDay, 2},
                                                             {"사흘", Unit::kDay, 3},
                                                             {"나흘", Unit::kDay, 4},
                                                             {"닷새", Unit::kDay, 5},
                                                             {"엿새", Unit::kDay, 6},
                                                             {"열흘", Unit::kDay, 10},
                                                             {"보름", Unit::kDay, 15},
                                                             {"반년", Unit::kMonth, 6}});

std::string moved_by(sys_days today, const Length& length, int by) {
  if (length.unit == Unit::kWeek) return iso(year_month_day{today + days{7 * by}});
  return moved(today, length.unit, by);
}

/// Of at most four digits, taken off; 0: there is none.
int take_digits(std::string_view& text) {
  int value = 0;
  for (int i = 0; i < 4 && !text.empty() && text.front() >= '0' && text.front() <= '9'; ++i) {
    value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  return value;
}

/// "3 days ago", "two weeks ago", "a year ago", "in 2 weeks".
Found counted_english(const std::vector<Word>& words, std::size_t at, sys_days today) {
  const bool in = words[at].folded == "in";
  const std::size_t first = at + (in ? 1 : 0);
  if (first + 1 >= words.size()) return {};
  std::string_view number = words[first].folded;
  int value = take_digits(number);
  if (!number.empty()) {
    const auto* const known = std::find_if(kEnglishNumbers.begin(), kEnglishNumbers.end(),
                                           [&](const Amount& one) { return one.word == number; });
    value = known == kEnglishNumbers.end() ? 0 : known->value;
    if (in && value == 1) value = 0;  // "twice in a week"
  }
  if (value == 0) return {};
  for (const Length& unit : kEnglishUnits) {
    const std::string& word = words[first + 1].folded;
    if (word != unit.word && word != std::string(unit.word) + "s") continue;
    if (in) return {3, moved_by(today, unit, value)};
    if (first + 2 < words.size() && words[first + 2].folded == "ago")
      return {3, moved_by(today, unit, -value)};
  }
  return {};
}

/// "전에" -1, "뒤", "후에" 1; 0: something else, as "전화".
int direction_of(std::string_view word) {
  constexpr auto kBehind = std::to_array<std::string_view>(
      {"", "에", "에는", "에도", "부터", "까지", "의", "쯤", "쯤에", "이야", "이에요", "인데", "으로"});
  for (const auto& [text, sign] : {std::pair<std::string_view, int>{"전", -1}, {"뒤", 1}, {"후", 1}})
    if (word.starts_with(text) &&
        std::find(kBehind.begin(), kBehind.end(), word.substr(text.size())) != kBehind.end())
      return sign;
  return 0;
}

/// "3일 전에", "이틀 전", "한 달 전에", "2주 뒤" without its blanks; empty: it is none.
std::string counted_korean(std::string_view said, sys_days today) {
  for (const Length& length : kKoreanLengths)
    if (said.starts_with(length.word))
      if (const int sign = direction_of(said.substr(length.word.size())); sign != 0)
        return moved_by(today, length, sign * length.value);
  int value = take_digits(said);
  if (value == 0)
    for (const Amount& number : kKoreanNumbers)
      if (said.starts_with(number.word)) {
        value = number.value;
        said.remove_prefix(number.word.size());
        break;
      }
  if (value == 0) return {};
  for (const Length& unit : kKoreanUnits)
    if (said.starts_with(unit.word))
      if (const int sign = direction_of(said.substr(unit.word.size())); sign != 0)
        return moved_by(today, unit, sign * value);
  return {};
}

Found counted(const std::vector<Word>& words, std::size_t at, sys_days today) {
  if (Found found = counted_english(words, at, today); found.words != 0) return found;
  // People write "한 달 전", "한달 전" and "한달전".
  std::string said;
  for (std::size_t count = 1; count <= 3 && at + count <= words.size(); ++count) {
    said += words[at + count - 1].folded;
    if (std::string date = counted_korean(said, today); !date.empty()) return {count, std::move(date)};
  }
  return {};
}

/// "last weekend", "이번 주말에": its Saturday.
Found weekend(const std::vector<Word>& words, std::size_t at, sys_days today) {
  constexpr int kSaturday = 5;
  for (const auto& [before, by] : {std::pair<std::string_view, int>{"last", -1},
                                   {"this", 0},
                                   {"next", 1},
                                   {"지난", -1},
                                   {"저번", -1},
                                   {"이번", 0},
                                   {"다음", 1}})
    if (words[at].folded == before && at + 1 < words.size() &&
        fits(words[at + 1], is_ascii(before) ? "weekend" : "주말", true))
      return {2, "weekend of " + iso(year_month_day{monday_of(today) + days{7 * by + kSaturday}})};
  return {};
}

Found at_word(const std::vector<Word>& words, std::size_t at, sys_days today) {
  // "next Friday", "다음 주 화요일"
  for (const auto& [text, by] : {std::pair{"next", 1}, {"last", -1}, {"this", 0}})
    if (words[at].folded == text && at + 1 < words.size())
      if (const std::optional<int> day = day_of_week(words[at + 1], kEnglishDays); day) {
        // "next" is the one of next week, "last" the newest that is over.
        sys_days date = monday_of(today) + days{*day};
        if (by > 0 || (by < 0 && date >= today)) date += days{7 * by};
        return {2, iso(year_month_day{date})};
      }
  if (Found found = weekend(words, at, today); found.words != 0) return found;
  for (const std::string_view other : {"오늘날", "그제야", "그제서야"})
    if (words[at].folded.starts_with(other)) return {};
  for (const RelativeDate& relative : kRelative) {
    const std::size_t count = said(words, at, relative.words);
    if (count == 0) continue;
    if (relative.unit == Unit::kWeek && at + count < words.size())
      if (const std::optional<int> day = day_of_week(words[at + count], kKoreanDays); day)
        return {count + 1, iso(year_month_day{monday_of(today) + days{7 * relative.by + *day}})};
    return {count, moved(today, relative.unit, relative.by)};
  }
  return counted(words, at, today);
}

bool has_date(std::string_view text) {
  for (std::size_t i = 0; i + 7 <= text.size(); ++i) {
    const auto digit = [&](std::size_t k) {
      return std::isdigit(static_cast<unsigned char>(text[i + k])) != 0;
    };
    if (digit(0) && digit(1) && digit(2) && digit(3) && text[i + 4] == '-' && digit(5) && digit(6))
      return true;
  }
  return false;
}

}  // namespace

std::span<const RelativeDate> relative_dates() noexcept { return kRelative; }

sys_days local_day(Nanos wall) {
  const std::tm parts = local_tm(wall);
  return sys_days{std::chrono::year{parts.tm_year + 1900} / (parts.tm_mon + 1) / parts.tm_mday};
}

Nanos begin_of(sys_days day) {
  const year_month_day date{day};
  std::tm parts{};
  parts.tm_year = static_cast<int>(date.year()) - 1900;
  parts.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  parts.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  parts.tm_isdst = -1;
  return static_cast<Nanos>(std::mktime(&parts)) * kSecond;
}

std::string iso_date(Nanos wall) { return iso(year_month_day{local_day(wall)}); }

std::string with_dates(std::string_view text, Nanos said_at) {
  if (said_at == 0 || has_date(text)) return std::string(text);
  const std::vector<Word> words = words_of(text);
  const sys_days today = local_day(said_at);
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at < words.size();) {
    const Found found = at_word(words, at, today);
    if (found.words == 0) {
      ++at;
      continue;
    }
    at += found.words;
    const std::size_t end = words[at - 1].end;
    out.append(text.substr(copied, end - copied)).append(" (" + found.date + ")");
    copied = end;
  }
  return out.append(text.substr(copied));
}

}  // namespace prot::memory
