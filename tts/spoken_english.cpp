#include <algorithm>
#include <array>
#include <utility>

#include "number_words.hpp"
#include "spoken_form.hpp"
#include "spoken_units.hpp"
#include "text_scan.hpp"

/// English: numbers and signs in words.
namespace prot::tts {
namespace {

using english::cardinal;
using english::ordinal;
using english::spelled;
using scan::Number;

constexpr auto kMonths =
    std::to_array<std::string_view>({"January", "February", "March", "April", "May", "June", "July", "August",
                                     "September", "October", "November", "December"});
constexpr auto kShortMonths = std::to_array<std::string_view>(
    {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});
/// A number of four digits behind one of these is a year.
constexpr auto kBeforeYear = std::to_array<std::string_view>(
    {"in", "since", "until", "till", "by", "from", "before", "after", "year", "of", "around", "circa"});
/// A number in front of one of these is a count, and no year.
constexpr auto kMagnitudes =
    std::to_array<std::string_view>({"hundred", "thousand", "million", "billion", "trillion"});

template <std::size_t N>
bool is_listed(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [word](std::string_view one) { return scan::equal_ignoring_case(one, word); });
}

bool is_month(std::string_view word) {
  return is_listed(kMonths, word) || is_listed(kShortMonths, word) || scan::equal_ignoring_case(word, "Sept");
}

// The word that `text` begins with.
std::string_view first_word(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), scan::is_alpha);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// "pm", " p.m.": how it is said, and its length.
Reading meridiem(std::string_view rest) {
  std::size_t at = scan::space(rest);
  if (rest.size() < at + 2) return {};
  const char first = scan::lower(rest[at]);
  if (first != 'a' && first != 'p') return {};
  ++at;
  const bool dotted = rest[at] == '.';
  if (dotted) ++at;
  if (at >= rest.size() || scan::lower(rest[at]) != 'm') return {};
  ++at;
  if (dotted && at < rest.size() && rest[at] == '.') ++at;
  if (!scan::ends_word(rest.substr(at))) return {};
  std::string said = first == 'a' ? " a m" : " p m";
  if (dotted && at == rest.size()) said += '.';  // it was the sentence's end as well
  return {at, said};
}

std::string clock_words(const scan::Time& time, bool with_meridiem) {
  std::string said = cardinal(time.hour);
  if (time.minute > 0)
    said += (time.minute < 10 ? " oh " : " ") + cardinal(time.minute);
  else if (!with_meridiem && !time.second)
    said += time.hour <= 12 && time.hour > 0 ? " o'clock" : " hundred";
  if (time.second) said += " and " + cardinal(*time.second) + (*time.second == 1 ? " second" : " seconds");
  return said;
}

Reading clock(std::string_view rest) {
  const auto time = scan::time(rest);
  if (!time) return {};
  const Reading half = meridiem(rest.substr(time->length));
  return {time->length + half.bytes, clock_words(*time, half.bytes > 0) + half.spoken};
}

std::string date_words(unsigned year, unsigned month, unsigned day) {
  return std::string(kMonths.at(month - 1)) + " " + ordinal(day) + ", " + english::year(year);
}

Reading calendar(std::string_view rest) {
  if (const auto date = scan::date(rest)) {
    Reading reading{date->length, date_words(date->year, date->month, date->day)};
    const std::string_view behind = rest.substr(date->length);
    if (behind.starts_with('T'))
      if (const Reading time = clock(behind.substr(1))) {
        reading.bytes += 1 + time.bytes;
        reading.spoken += ", " + time.spoken;
      }
    return reading;
  }
  // "11/24/2026", month first where it can be.
  const std::size_t first = scan::digits(rest);
  if (first == 0 || first > 2 || rest.size() < first + 7 || rest[first] != '/') return {};
  const std::size_t second = scan::digits(rest.substr(first + 1));
  const std::size_t year_at = first + second + 2;
  if (second == 0 || second > 2 || rest.size() < year_at + 4 || rest[year_at - 1] != '/') return {};
  if (scan::digits(rest.substr(year_at)) != 4) return {};
  auto month = static_cast<unsigned>(*scan::number(rest)->value());
  auto day = static_cast<unsigned>(*scan::number(rest.substr(first + 1, second))->value());
  if (month > 12) std::swap(month, day);
  if (month < 1 || month > 12 || day < 1 || day > 31) return {};
  const auto year = static_cast<unsigned>(*scan::number(rest.substr(year_at, 4))->value());
  return {year_at + 4, date_words(year, month, day)};
}

Reading telephone(std::string_view rest) {
  const auto found = scan::telephone(rest);
  if (!found || found->service) return {};
  std::string said;
  for (std::string_view groups = found->groups; !groups.empty();) {
    const std::size_t end = std::min(groups.find(' '), groups.size());
    const std::string_view group = groups.substr(0, end);
    if (!said.empty()) said += ", ";
    if (group.starts_with('+')) said += "plus ";
    said += spelled(group);
    groups.remove_prefix(std::min(end + 1, groups.size()));
  }
  return {found->length, said};
}

// "1.2.3", "192.168.0.1": more than one point.
Reading dotted(std::string_view rest) {
  std::size_t at = 0;
  std::size_t parts = 0;
  std::string said;
  while (at < rest.size() && scan::is_digit(rest[at])) {
    const std::size_t count = scan::digits(rest.substr(at));
    Number part;
    part.whole = rest.substr(at, count);
    said += (parts++ == 0 ? "" : " point ") + english::number(part);
    at += count;
    if (at + 1 >= rest.size() || rest[at] != '.' || !scan::is_digit(rest[at + 1])) break;
    ++at;
  }
  return parts > 2 ? Reading{at, said} : Reading{};
}

Reading fraction(std::string_view rest) {
  const std::size_t above = scan::digits(rest);
  if (above == 0 || above > 2 || rest.size() < above + 2 || rest[above] != '/') return {};
  const std::size_t below = scan::digits(rest.substr(above + 1));
  const std::size_t length = above + 1 + below;
  const std::string_view behind = rest.substr(length);
  if (below == 0 || below > 3 || !scan::ends_word(behind) || behind.starts_with('/')) return {};
  const auto a = *scan::number(rest.substr(0, above))->value();
  const auto b = *scan::number(rest.substr(above + 1, below))->value();
  if (b == 0 || a == 0) return {};
  const bool usual = b <= 10 || b == 12 || b == 16 || b == 32 || b == 64 || b == 100;
  if (a >= b || !usual) return {length, cardinal(a) + " " + cardinal(b)};  // "24/7"
  std::string part = b == 2 ? "half" : b == 4 ? "quarter" : ordinal(b);
  if (a > 1) part = b == 2 ? "halves" : part + "s";
  return {length, cardinal(a) + " " + part};
}

// A year, or a number as any other.
std::string plain(std::string_view before, const Number& number, std::string_view behind) {
  const auto value = number.value();
  if (number.whole == "911" && number.is_whole()) return spelled(number.whole);
  if (!value || number.whole.size() != 4 || number.grouped || !number.is_whole())
    return english::number(number);
  const std::string_view next = first_word(behind.substr(std::min(scan::space(behind), behind.size())));
  const bool spaced = before.empty() || scan::is_space(before.back()) || before.back() == '(';
  const bool told = spaced && is_listed(kBeforeYear, scan::last_word(before));
  const bool likely = *value >= 1900 && *value < 2100 && !is_listed(kMagnitudes, next);
  return likely || (told && *value >= 1100 && *value < 2100) ? english::year(static_cast<unsigned>(*value))
                                                             : english::number(number);
}

std::string of_many(std::string said) {  // "ninety" -> "nineties"
  if (said.back() == 'y') return said.substr(0, said.size() - 1) + "ies";
  return said + (said.back() == 'x' ? "es" : "s");
}

// "a half" behind a number: "2½".
Reading vulgar(std::string_view rest) {
  constexpr auto kVulgar = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"½", "half"}, {"¼", "quarter"}, {"¾", "three quarters"}, {"⅓", "third"}, {"⅔", "two thirds"}});
  for (const auto& [sign, words] : kVulgar)
    if (rest.starts_with(sign)) return {sign.size(), std::string(words)};
  return {};
}

bool is_one(const Number& number) { return number.whole == "1" && number.is_whole(); }

Reading quantity(std::string_view before, std::string_view rest) {
  auto number = scan::number(rest);
  std::string_view behind = rest.substr(number->length);
  std::string said = plain(before, *number, behind);
  std::size_t length = number->length;
  if (const std::size_t mark = scan::range_mark(behind); mark > 0 && !scan::time(behind.substr(mark))) {
    const auto second = scan::number(behind.substr(mark));
    const std::string_view rest_of_it = behind.substr(mark + second->length);
    if (scan::range_mark(rest_of_it) == 0) {
      said += " to " + plain(before, *second, rest_of_it);
      length += mark + second->length;
      behind = rest_of_it;
      number = second;
    }
  }
  const std::string_view two = behind.substr(0, 2);
  const auto value = number->value();
  if (value && number->is_whole() && scan::ends_word(behind.substr(two.size()))) {
    for (const std::string_view suffix : {"st", "nd", "rd", "th"})
      if (scan::equal_ignoring_case(two, suffix)) return {length + 2, ordinal(*value)};
  }
  if (behind.starts_with('s') && scan::ends_word(behind.substr(1)) && value && *value % 10 == 0 &&
      *value >= 20)
    return {length + 1, of_many(said)};  // "1990s"
  if (const Reading part = vulgar(behind)) {
    const bool some = part.spoken.find(' ') != std::string::npos;
    return {length + part.bytes, said + (some ? " and " : " and a ") + part.spoken};
  }
  if (const Reading half = meridiem(behind); half && value && *value >= 1 && *value <= 12)
    return {length + half.bytes, said + half.spoken};
  if (const UnitMatch unit = find_unit(behind); unit.bytes > 0)
    return {length + unit.bytes,
            said + " " + std::string(is_one(*number) ? unit.unit->one : unit.unit->many)};
  const std::string_view next = first_word(behind.substr(std::min(scan::space(behind), behind.size())));
  if (value && *value >= 1 && *value <= 31 && number->is_whole()) {
    const std::string_view word = scan::last_word(before);
    const bool apart = !before.empty() && (scan::is_space(before.back()));
    if (apart && is_month(word)) return {length, ordinal(*value)};
    if (is_month(next) && !scan::equal_ignoring_case(next, "May") && scan::space(behind) > 0)
      return {length, ordinal(*value) + " of"};
  }
  return {length, said};
}

Reading money(std::string_view rest) {
  std::optional<Amount> amount = find_amount(rest);
  if (!amount) return {};
  const Currency& currency = *amount->currency;
  scan::Number& number = amount->number;
  std::size_t length = amount->length;
  std::string said = english::number(number);
  std::string_view behind = rest.substr(length);
  bool one = is_one(number);
  std::size_t mark = scan::range_mark(behind);
  if (mark == 0 && (behind.starts_with("-") || behind.starts_with("–"))) {  // "$5-$10"
    const std::size_t dash = behind.starts_with("-") ? 1 : std::string_view("–").size();
    if (behind.substr(dash).starts_with(currency.sign)) mark = dash + currency.sign.size();
  }
  if (const auto second = mark > 0 ? scan::number(behind.substr(mark)) : std::nullopt) {
    said += " to " + english::number(*second);
    length += mark + second->length;
    one = false;
    number = *second;
  } else if (number.fraction.size() == 2 && !currency.parts.empty() && find_magnitude(behind).bytes == 0) {
    const auto cents = static_cast<unsigned>(std::stoul(number.fraction));
    const std::string parts =
        cardinal(cents) + " " + std::string(cents == 1 ? currency.part : currency.parts);
    if (number.value() == 0 && cents > 0) return {length, parts};
    number.fraction.clear();
    said = english::number(number) + " " + std::string(is_one(number) ? currency.one : currency.many) +
           (cents > 0 ? " and " + parts : "");
    return {length, said};
  }
  if (const Reading magnitude = find_magnitude(rest.substr(length))) {
    said += " " + magnitude.spoken;
    length += magnitude.bytes;
    one = false;
  }
  return {length, said + " " + std::string(one ? currency.one : currency.many)};
}

Reading sign(std::string_view before, std::string_view rest) {
  if (Reading reading = read_sign(before, rest, false)) return reading;
  // Between numbers of which no rule made a range: times, or a count down.
  if (const std::size_t mark = scan::range_mark(rest);
      mark > 0 && !before.empty() && scan::is_digit(before.back()))
    return {mark, before.substr(before.size() - std::min<std::size_t>(3, before.size())).starts_with(':')
                      ? " to "
                      : ", "};
  return {};
}

Reading word(std::string_view before, std::string_view rest) {
  if (!before.empty() && scan::is_word(before.back())) return {};
  if (const std::size_t length = scan::address(rest); length > 0) {
    std::string said;
    for (const char c : rest.substr(0, length)) {
      if (c == '.' || c == '@')
        said += c == '.' ? " dot " : " at ";
      else
        said += c;
    }
    return {length, said};
  }
  const std::string_view name = first_word(rest);
  std::string_view behind = rest.substr(name.size());
  const bool point = behind.starts_with('.');
  if (point) behind.remove_prefix(1);
  const std::size_t space = scan::space(behind);
  if (space == 0 || behind.size() <= space || !scan::is_digit(behind[space])) return {};
  if (point && scan::equal_ignoring_case(name, "No")) return {name.size() + 1, "number"};
  if (name.size() < 3 || name == "May") return {};
  for (std::size_t i = 0; i < kShortMonths.size(); ++i)
    if (name == kShortMonths[i] || (i == 8 && name == "Sept"))
      return {name.size() + (point ? 1 : 0), std::string(kMonths[i])};
  return {};
}

}  // namespace

Reading read_english(std::string_view before, std::string_view rest) {
  const char first = rest.front();
  const bool inside = !before.empty() && scan::is_alnum(before.back());
  if (!inside && (first == '+' || first == '(' || scan::is_digit(first)))
    if (Reading reading = telephone(rest)) return reading;
  if (scan::is_alpha(first)) return word(before, rest);
  if (Reading reading = money(rest)) return reading;
  if (!scan::is_digit(first)) {
    if (Reading part = vulgar(rest))
      return part.spoken.find(' ') == std::string::npos ? Reading{part.bytes, "one " + part.spoken} : part;
    return sign(before, rest);
  }
  if (inside) return {};
  if (scan::address(rest) > 0) return word(before, rest);
  for (const auto& rule : {calendar, clock, dotted, fraction})
    if (Reading reading = rule(rest)) return reading;
  return quantity(before, rest);
}

}  // namespace prot::tts
