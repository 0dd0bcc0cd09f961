#include "text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace prot::tts::scan {
namespace {

unsigned to_unsigned(std::string_view digits) {
  unsigned value = 0;
  for (const char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

// Digits of `from` to `to` places; 0 when there are fewer or more.
std::size_t digits_between(std::string_view text, std::size_t from, std::size_t to) {
  const std::size_t count = digits(text);
  return count >= from && count <= to ? count : 0;
}

bool goes_on_as_number(std::string_view rest) {
  return rest.size() > 1 && (rest[0] == '.' || rest[0] == '-' || rest[0] == ':' || rest[0] == '/') &&
         is_digit(rest[1]);
}

}  // namespace

std::size_t digits(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
}

std::size_t space(std::string_view text) noexcept {
  if (text.starts_with(' ')) return 1;
  return text.starts_with("\u00A0") || text.starts_with("\u202F")
             ? std::string_view(text.starts_with("\u00A0") ? "\u00A0" : "\u202F").size()
             : 0;
}

std::size_t range_mark(std::string_view text) noexcept {
  for (const std::string_view mark : {"-", "\u2013", "\u2014", "~", "\uFF5E", "\u301C"})
    if (text.starts_with(mark) && text.size() > mark.size() && is_digit(text[mark.size()]))
      return mark.size();
  return 0;
}

std::string_view last_word(std::string_view text) noexcept {
  while (!text.empty() && !is_word(text.back())) text.remove_suffix(1);
  std::size_t begin = text.size();
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return text.substr(begin);
}

std::optional<unsigned long long> Number::value() const {
  if (whole.size() > 16) return std::nullopt;
  return std::strtoull(whole.c_str(), nullptr, 10);
}

std::optional<Number> number(std::string_view text) {
  const std::size_t first = digits(text);
  if (first == 0) return std::nullopt;
  Number found;
  found.whole = text.substr(0, first);
  found.length = first;
  const auto group = [&] {
    const std::string_view rest = text.substr(found.length);
    return rest.starts_with(',') && digits(rest.substr(1)) == 3;
  };
  while (first <= 3 && group()) {
    found.whole += text.substr(found.length + 1, 3);
    found.length += 4;
    found.grouped = true;
  }
  const std::string_view rest = text.substr(found.length);
  if (rest.starts_with('.')) {
    const std::size_t places = digits(rest.substr(1));
    found.fraction = rest.substr(1, places);
    if (places > 0) found.length += places + 1;
  }
  return found;
}

std::optional<Date> date(std::string_view text) {
  if (digits(text) != 4) return std::nullopt;
  Date found;
  found.year = to_unsigned(text.substr(0, 4));
  if (found.year < 1000 || found.year > 2999 || text.size() < 8) return std::nullopt;
  const char mark = text[4];
  if (mark != '-' && mark != '/' && mark != '.') return std::nullopt;
  std::size_t at = 5;
  const auto spaces = [&] { at += mark == '.' ? space(text.substr(at)) : 0; };
  spaces();
  const std::size_t month = digits_between(text.substr(at), 1, 2);
  if (month == 0) return std::nullopt;
  found.month = to_unsigned(text.substr(at, month));
  at += month;
  if (at >= text.size() || text[at] != mark) return std::nullopt;
  ++at;
  spaces();
  const std::size_t day = digits_between(text.substr(at), 1, 2);
  if (day == 0) return std::nullopt;
  found.day = to_unsigned(text.substr(at, day));
  found.length = at + day;
  const std::string_view rest = text.substr(found.length);
  const bool valid = found.month >= 1 && found.month <= 12 && found.day >= 1 && found.day <= 31;
  if (!valid || goes_on_as_number(rest)) return std::nullopt;
  return found;
}

std::optional<Time> time(std::string_view text) {
  const std::size_t hour = digits_between(text, 1, 2);
  if (hour == 0 || text.size() < hour + 3 || text[hour] != ':' || digits(text.substr(hour + 1)) != 2)
    return std::nullopt;
  Time found;
  found.hour = to_unsigned(text.substr(0, hour));
  found.minute = to_unsigned(text.substr(hour + 1, 2));
  found.length = hour + 3;
  const std::string_view rest = text.substr(found.length);
  if (rest.starts_with(':') && digits(rest.substr(1)) == 2) {
    found.second = to_unsigned(rest.substr(1, 2));
    found.length += 3;
  }
  const bool valid = found.hour <= 24 && found.minute < 60 && found.second.value_or(0) < 60;
  if (!valid || (text.size() > found.length && text[found.length] == ':')) return std::nullopt;
  return found;
}

std::optional<Telephone> telephone(std::string_view text) {
  Telephone found;
  std::size_t at = 0;
  const bool plus = text.starts_with('+');
  if (plus) {
    found.groups = "+";
    at = 1;
  }
  const bool bracket = text.substr(at).starts_with('(');
  if (bracket) ++at;
  std::array<std::size_t, 6> sizes{};
  std::size_t count = 0;
  for (; count < sizes.size(); ++count) {
    const std::size_t group = digits_between(text.substr(at), 1, 4);
    if (group == 0) return std::nullopt;
    if (count > 0) found.groups += ' ';
    found.groups += text.substr(at, group);
    sizes[count] = group;
    at += group;
    std::string_view rest = text.substr(at);
    if (bracket && count == 0) {
      if (!rest.starts_with(')')) return std::nullopt;
      at += 1 + space(rest.substr(1));
      if (text.substr(at).starts_with('-')) ++at;
      continue;
    }
    const bool spaced = plus && count == 0 && rest.starts_with(' ');
    if (rest.size() < 2 || (rest[0] != '-' && !spaced) || !is_digit(rest[1])) {
      ++count;
      break;
    }
    ++at;
  }
  found.length = at;
  if (at < text.size() && (is_alnum(text[at]) || goes_on_as_number(text.substr(at)))) return std::nullopt;
  if (count < 2 || sizes[count - 1] != 4) return std::nullopt;
  if (plus) return sizes[0] <= 3 && count >= 3 ? std::optional(found) : std::nullopt;
  const std::size_t middle = sizes[count - 2];
  if (middle != 3 && middle != 4) return std::nullopt;
  if (count == 2) {
    const bool round =
        to_unsigned(text.substr(0, sizes[0])) % 50 == 0 && to_unsigned(text.substr(at - 4, 4)) % 50 == 0;
    if (round && !bracket) return std::nullopt;  // "100-2000" is a range
    // "555-1234" and "1588-1234", but "1990-2026" is a span of years.
    found.service =
        sizes[0] == 4 && (text.starts_with("15") || text.starts_with("16") || text.starts_with("18"));
    return bracket || sizes[0] == 3 || found.service ? std::optional(found) : std::nullopt;
  }
  if (count == 3)
    return bracket || sizes[0] == 3 || text.starts_with('0') ? std::optional(found) : std::nullopt;
  return count == 4 && text.starts_with("1-") ? std::optional(found) : std::nullopt;
}

std::size_t address(std::string_view text) {
  std::size_t end = 0;
  bool at_sign = false;
  while (end < text.size() &&
         (is_alnum(text[end]) || std::string_view(".-_+@").find(text[end]) != std::string_view::npos)) {
    at_sign = at_sign || text[end] == '@';
    ++end;
  }
  while (end > 0 && !is_alnum(text[end - 1])) --end;
  const std::string_view whole = text.substr(0, end);
  const std::size_t dot = whole.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || !is_alnum(whole.front())) return 0;
  if (whole.find("..") != std::string_view::npos || whole.find('@') != whole.rfind('@')) return 0;
  constexpr auto kDomains = std::to_array<std::string_view>(
      {"com", "org", "net", "io", "dev",  "kr", "jp", "cn",  "edu",  "gov", "ai",
       "app", "uk",  "de",  "fr", "info", "tv", "me", "xyz", "html", "co"});
  const std::string_view last = whole.substr(dot + 1);
  const bool known = std::any_of(kDomains.begin(), kDomains.end(), [last](std::string_view domain) {
    return equal_ignoring_case(domain, last);
  });
  return known || (at_sign && last.size() >= 2) ? end : 0;
}

}  // namespace prot::tts::scan
