#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "extraction/dates.hpp"
#include "recall/question.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

constexpr std::array kMonths =
    std::to_array<std::string_view>({"january", "february", "march", "april", "may", "june", "july", "august",
                                     "september", "october", "november", "december"});

// As people say them; "6월" is of digits.
constexpr std::array kKoreanMonths = std::to_array<std::pair<std::string_view, int>>({{"일월", 1},
                                                                                      {"이월", 2},
                                                                                      {"삼월", 3},
                                                                                      {"사월", 4},
                                                                                      {"오월", 5},
                                                                                      {"유월", 6},
                                                                                      {"육월", 6},
                                                                                      {"칠월", 7},
                                                                                      {"팔월", 8},
                                                                                      {"구월", 9},
                                                                                      {"시월", 10},
                                                                                      {"십월", 10},
                                                                                      {"십일월", 11},
                                                                                      {"십이월", 12}});

// Before these two a month is meant, not a permission or a walk.
constexpr std::array kBeforeMonth = std::to_array<std::string_view>(
    {"in", "of", "last", "this", "next", "since", "until", "by", "during", "late", "early", "mid", "around"});

struct Named {
  int year = 0;  // 0: not said
  int month = 0;
  int day = 0;
};

int number(std::string_view word) {
  int value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size() ? value : 0;
}

bool is_year(int value) { return value >= 1900 && value <= 2100; }
bool is_day(int value) { return value >= 1 && value <= 31; }

int month_of(std::string_view word) {
  const auto found = std::find(kMonths.begin(), kMonths.end(), word);
  return found == kMonths.end() ? 0 : static_cast<int>(found - kMonths.begin()) + 1;
}

std::chrono::sys_days day(int year, int month, int day) {
  return std::chrono::sys_days{std::chrono::year{year} / month / day};
}

bool says(const std::vector<std::string>& words, std::string_view wanted) {
  const std::size_t blank = wanted.find(' ');
  const std::string_view first = wanted.substr(0, blank);
  const std::string_view second = blank == std::string_view::npos ? "" : wanted.substr(blank + 1);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (second.empty() ? !words[i].starts_with(first) : words[i] != first) continue;
    if (second.empty() || (i + 1 < words.size() && words[i + 1].starts_with(second))) return true;
  }
  return false;
}

/// "작년", "last year", from `present` on; 0: none is said.
int relative_year(const std::vector<std::string>& words, int present) {
  for (const RelativeDate& date : relative_dates())
    if (date.unit == RelativeDate::Unit::kYear && says(words, date.words)) return present + date.by;
  return 0;
}

/// The calendar dates that the words name. `present`: the year from which "last year" counts.
class Dates {
 public:
  Dates(const std::vector<std::string>& words, int present) : words_(words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      english(i);
      korean(i);
      if (const int year = number(words[i]); is_year(year)) year_ = year;
    }
    const int year = year_ != 0 ? year_ : relative_year(words, present);
    for (Named& named : named_)
      if (named.year == 0) named.year = year;
    if (named_.empty() && year_ != 0) named_.push_back({year_, 0, 0});
  }
  [[nodiscard]] const std::vector<Named>& named() const noexcept { return named_; }

 private:
  [[nodiscard]] std::string_view at(std::size_t i) const {
    return i < words_.size() ? std::string_view(words_[i]) : std::string_view();
  }
  void english(std::size_t i) {
    const int month = month_of(at(i));
    if (month == 0) return;
    // "5th of may", "5 may", "may 5th"; words() splits "5th".
    std::size_t before = i;
    if (before > 0 && at(before - 1) == "of") --before;
    if (before > 0 && (at(before - 1) == "th" || at(before - 1) == "st" || at(before - 1) == "nd" ||
                       at(before - 1) == "rd"))
      --before;
    const int day_before = before > 0 ? number(at(before - 1)) : 0;
    const int day_after = number(at(i + 1));
    const bool ambiguous = at(i) == "may" || at(i) == "march";
    const bool introduced =
        i > 0 && std::find(kBeforeMonth.begin(), kBeforeMonth.end(), at(i - 1)) != kBeforeMonth.end();
    if (ambiguous && !introduced && !is_day(day_before) && day_after == 0) return;
    named_.push_back({0, month, is_day(day_before) ? day_before : is_day(day_after) ? day_after : 0});
  }
  void korean(std::size_t i) {
    for (const auto& [name, month] : kKoreanMonths)
      if (at(i).starts_with(name)) return add_korean(month, i + 1);
    const int value = number(at(i));
    if (value == 0) return;
    if (is_year(value) || !at(i + 1).starts_with("월") || value > 12) return;
    add_korean(value, i + 2);
  }
  /// `next`: where a day may stand.
  void add_korean(int month, std::size_t next) {
    const int day = at(next + 1).starts_with("일") ? number(at(next)) : 0;
    named_.push_back({0, month, is_day(day) ? day : 0});
  }

  const std::vector<std::string>& words_;
  std::vector<Named> named_;
  int year_ = 0;
};

TimeSpan span(std::chrono::sys_days begin, std::chrono::sys_days end) {
  return {begin_of(begin), begin_of(end)};
}

TimeSpan span_of(const Named& named, int year) {
  if (named.month == 0) return span(day(year, 1, 1), day(year + 1, 1, 1));
  if (named.day != 0) {
    const std::chrono::sys_days begin = day(year, named.month, named.day);
    return span(begin, begin + std::chrono::days{1});
  }
  const bool last = named.month == 12;
  return span(day(year, named.month, 1), day(last ? year + 1 : year, last ? 1 : named.month + 1, 1));
}

/// Days before the newest one; none: a time that nobody has told of yet, or too long ago to be looked at
/// first.
std::optional<std::pair<int, int>> days_meant(const RelativeDate& date) {
  using Unit = RelativeDate::Unit;
  switch (date.unit) {
    case Unit::kDay:
      if (date.by < 0) return std::pair{-date.by, -date.by - 1};
      break;
    case Unit::kWeek:
      if (date.by == 0) return std::pair{7, -1};
      if (date.by == -1) return std::pair{14, 0};  // people are not exact
      break;
    case Unit::kMonth:
      if (date.by == -1) return std::pair{62, 0};
      break;
    case Unit::kYear:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::vector<TimeSpan> times_in(std::string_view text, Nanos oldest, Nanos newest) {
  const std::vector<std::string> words = text::words(text);
  std::vector<TimeSpan> spans;
  using std::chrono::days;
  const std::chrono::sys_days today = local_day(newest);
  const int first = static_cast<int>(std::chrono::year_month_day{local_day(oldest)}.year());
  const int last = static_cast<int>(std::chrono::year_month_day{today}.year());
  const Dates dates(words, last);
  for (const Named& named : dates.named())
    for (int year = named.year != 0 ? named.year : first; year <= (named.year != 0 ? named.year : last);
         ++year)
      spans.push_back(span_of(named, year));
  for (const RelativeDate& date : relative_dates())
    if (const auto meant = days_meant(date); meant && says(words, date.words))
      spans.push_back(span(today - days{meant->first}, today - days{meant->second}));
  return spans;
}

}  // namespace prot::memory
