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

/// "3 days ago", "in 2 weeks", "3일 전에", "2주 뒤".
Found counted(const std::vector<Word>& words, std::size_t at, sys_days today) {
  const auto number = [](std::string_view word, std::size_t* digits) {
    int value = 0;
    *digits = 0;
    while (*digits < std::min<std::size_t>(word.size(), 4) && word[*digits] >= '0' && word[*digits] <= '9')
      value = value * 10 + (word[(*digits)++] - '0');
    return value;
  };
  const bool in = words[at].folded == "in";
  const std::size_t first = at + (in ? 1 : 0);
  if (first + 1 >= words.size()) return {};
  std::size_t digits = 0;
  int value = number(words[first].folded, &digits);
  if (digits == 0) return {};
  const std::string unit = words[first].folded.substr(digits);
  struct Name {
    std::string_view text;
    Unit unit;
  };
  const auto result = [&](Unit kind, int sign, std::size_t taken) -> Found {
    if (kind == Unit::kWeek) return {taken, iso(year_month_day{today + days{7 * sign * value}})};
    return {taken, moved(today, kind, sign * value)};
  };
  if (!unit.empty()) {
    const std::string& direction = words[first + 1].folded;
    const int sign = direction.starts_with("전")                                  ? -1
                     : direction.starts_with("뒤") || direction.starts_with("후") ? 1
                                                                                  : 0;
    for (const Name& name : {Name{"일", Unit::kDay},
                             {"주", Unit::kWeek},
                             {"주일", Unit::kWeek},
                             {"달", Unit::kMonth},
                             {"개월", Unit::kMonth},
                             {"년", Unit::kYear}})
      if (unit == name.text && sign != 0) return result(name.unit, sign, 2);
    return {};
  }
  for (const Name& name :
       {Name{"day", Unit::kDay}, {"week", Unit::kWeek}, {"month", Unit::kMonth}, {"year", Unit::kYear}}) {
    const std::string& word = words[first + 1].folded;
    if (word != name.text && word != std::string(name.text) + "s") continue;
    if (in) return result(name.unit, 1, 3);
    if (first + 2 < words.size() && words[first + 2].folded == "ago") return result(name.unit, -1, 3);
  }
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
