#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "number_words.hpp"
#include "spoken_form.hpp"
#include "spoken_units.hpp"
#include "text_scan.hpp"

/// Korean: numbers and signs in words. What is counted decides whether a number is native (한 시, 두 개) or
/// Sino-Korean (삼 층, 오 분).
namespace prot::tts {
namespace {

using scan::Number;

enum class Count { kNative, kSino, kHour, kMonth, kTogether };  // kTogether: written in one with the number
struct Counter {
  std::string_view word;
  Count count;
};
// The longest that fits decides: "시즌" keeps "시" away from "3시즌".
constexpr auto kCounters = std::to_array<Counter>({
    {"시간", Count::kNative}, {"시즌", Count::kSino},   {"시리즈", Count::kSino}, {"시", Count::kHour},
    {"개월", Count::kSino},   {"개년", Count::kSino},   {"개국", Count::kSino},   {"개소", Count::kSino},
    {"개사", Count::kSino},   {"개", Count::kNative},   {"명", Count::kNative},   {"살", Count::kNative},
    {"마리", Count::kNative}, {"권", Count::kNative},   {"장", Count::kNative},   {"잔", Count::kNative},
    {"병", Count::kNative},   {"대", Count::kNative},   {"번째", Count::kNative}, {"번지", Count::kSino},
    {"번호", Count::kSino},   {"번길", Count::kSino},   {"번", Count::kNative},   {"가지", Count::kNative},
    {"그루", Count::kNative}, {"송이", Count::kNative}, {"켤레", Count::kNative}, {"벌", Count::kNative},
    {"채널", Count::kSino},   {"채", Count::kNative},   {"척", Count::kNative},   {"곳", Count::kNative},
    {"군데", Count::kNative}, {"통", Count::kNative},   {"그릇", Count::kNative}, {"접시", Count::kNative},
    {"봉지", Count::kNative}, {"상자", Count::kNative}, {"쌍", Count::kNative},   {"조각", Count::kNative},
    {"모금", Count::kNative}, {"방울", Count::kNative}, {"달러", Count::kSino},   {"달", Count::kNative},
    {"사람", Count::kNative}, {"끼", Count::kNative},   {"자루", Count::kNative}, {"다발", Count::kNative},
    {"묶음", Count::kNative}, {"바퀴", Count::kNative}, {"걸음", Count::kNative}, {"배", Count::kNative},
    {"차례", Count::kNative}, {"편", Count::kNative},   {"곡", Count::kNative},   {"팀", Count::kNative},
    {"컵", Count::kNative},   {"스푼", Count::kNative}, {"큰술", Count::kNative}, {"작은술", Count::kNative},
    {"알", Count::kNative},   {"포기", Count::kNative}, {"줄", Count::kNative},   {"판", Count::kNative},
    {"층", Count::kSino},     {"호선", Count::kSino},   {"호", Count::kSino},     {"동", Count::kSino},
    {"회", Count::kSino},     {"년대", Count::kSino},   {"년", Count::kSino},     {"월", Count::kMonth},
    {"일", Count::kSino},     {"분기", Count::kSino},   {"분", Count::kSino},     {"초", Count::kSino},
    {"도", Count::kSino},     {"원", Count::kSino},     {"유로", Count::kSino},   {"엔", Count::kSino},
    {"위안", Count::kSino},   {"점", Count::kSino},     {"학년", Count::kSino},   {"반", Count::kSino},
    {"교시", Count::kSino},   {"쪽", Count::kSino},     {"페이지", Count::kSino}, {"퍼센트", Count::kSino},
    {"프로", Count::kSino},   {"인분", Count::kSino},   {"인", Count::kSino},     {"차", Count::kSino},
    {"등", Count::kSino},     {"위", Count::kSino},     {"급", Count::kSino},     {"단계", Count::kSino},
    {"주년", Count::kSino},   {"주일", Count::kSino},   {"주", Count::kSino},     {"세기", Count::kSino},
    {"세대", Count::kSino},   {"세", Count::kSino},     {"박", Count::kSino},     {"과", Count::kSino},
    {"킬로", Count::kSino},   {"미터", Count::kSino},   {"센티", Count::kSino},   {"밀리", Count::kSino},
    {"그램", Count::kSino},   {"리터", Count::kSino},   {"평", Count::kSino},     {"톤", Count::kSino},
    {"만", Count::kTogether}, {"억", Count::kTogether}, {"조", Count::kTogether}, {"천", Count::kTogether},
    {"백", Count::kTogether}, {"여", Count::kTogether},
});

// "3번" counts times, but in front of one of these it is a name: 삼 번 출구.
constexpr auto kBehindNumber =
    std::to_array<std::string_view>({"출구", "버스", "문제", "홈", "국도", "타자", "트랙", "문항", "선수",
                                     "게이트", "승강장", "채널", "방", "마을"});
constexpr auto kPairs = std::to_array<std::string_view>(
    {"", "한두", "두세", "서너", "네다섯", "대여섯", "예닐곱", "일고여덟", "여덟아홉"});

const Counter* find_counter(std::string_view text) {
  const Counter* best = nullptr;
  for (const Counter& one : kCounters)
    if (text.starts_with(one.word) && (best == nullptr || one.word.size() > best->word.size())) best = &one;
  return best;
}

bool names_something(std::string_view behind_counter) {
  const std::string_view next = behind_counter.substr(scan::space(behind_counter));
  return std::any_of(kBehindNumber.begin(), kBehindNumber.end(),
                     [next](std::string_view word) { return next.starts_with(word); });
}

// "3대 1", but not "3대 4마리"
bool scores(std::string_view behind) {
  constexpr std::string_view kTo = "대 ";
  if (!behind.starts_with(kTo)) return false;
  const std::string_view second = behind.substr(kTo.size());
  const std::size_t digits = scan::digits(second);
  return digits > 0 && find_counter(second.substr(digits)) == nullptr;
}

// The number in front of `counter`, which `behind` begins with.
std::string counted(const Number& number, const Counter& counter, std::string_view behind) {
  const auto value = number.value();
  const bool small = value && number.is_whole() && *value >= 1 && *value <= 99 && number.whole.front() != '0';
  const auto n = static_cast<unsigned>(small ? *value : 0);
  switch (counter.count) {
    case Count::kHour:
      return small && n <= 12 ? korean::native(n) : korean::number(number);
    case Count::kMonth:
      if (small && n == 6) return "유";
      return small && n == 10 ? "시" : korean::number(number);
    case Count::kNative:
      if (!small) break;
      if (counter.word == "번째" && n == 1) return "첫";
      if (counter.word == "번" && names_something(behind.substr(counter.word.size()))) break;
      if (counter.word == "대" && (n % 10 == 0 || scores(behind))) break;  // 30대: an age; 3대 1: a score
      return korean::native(n);
    case Count::kTogether:
      // 10,000 is "만", 1,000 "천", but 100,000,000 "일억".
      if (number.whole == "1" && number.is_whole() && counter.word != "억" && counter.word != "조" &&
          counter.word != "여")
        return "";
      break;
    case Count::kSino:
      break;
  }
  return korean::number(number);
}

std::string hour_words(unsigned hour) {
  return (hour >= 1 && hour <= 12 ? korean::native(hour) : korean::sino(hour)) + " 시";
}

Reading clock(std::string_view rest) {
  const auto time = scan::time(rest);
  if (!time) return {};
  std::string said = hour_words(time->hour);
  if (time->minute > 0) said += " " + korean::sino(time->minute) + " 분";
  if (time->second) said += " " + korean::sino(*time->second) + " 초";
  return {time->length, said};
}

std::string month_words(unsigned month) {
  return month == 6 ? "유월" : month == 10 ? "시월" : korean::sino(month) + " 월";
}

Reading calendar(std::string_view rest) {
  const auto date = scan::date(rest);
  if (!date) return {};
  Reading reading{date->length, korean::sino(date->year) + " 년 " + month_words(date->month) + " " +
                                    korean::sino(date->day) + " 일"};
  const std::string_view behind = rest.substr(date->length);
  if (behind.starts_with('T')) {
    if (const Reading time = clock(behind.substr(1))) {
      reading.bytes += 1 + time.bytes;
      reading.spoken += " " + time.spoken;
    }
  } else if (behind.starts_with(". ") && rest[4] == '.') {
    ++reading.bytes;  // "2026. 11. 24. 기준": the last point ends the day, no sentence
  }
  return reading;
}

Reading telephone(std::string_view rest) {
  const auto found = scan::telephone(rest);
  if (!found) return {};
  std::string said;
  for (std::string_view groups = found->groups; !groups.empty();) {
    const std::size_t end = std::min(groups.find(' '), groups.size());
    const std::string_view group = groups.substr(0, end);
    if (!said.empty()) said += ' ';
    if (group.starts_with('+')) said += "플러스 ";
    said += korean::spelled(group);
    groups.remove_prefix(std::min(end + 1, groups.size()));
  }
  return {found->length, said};
}

Reading fraction(std::string_view rest) {
  const std::size_t above = scan::digits(rest);
  if (above == 0 || above > 2 || rest.size() < above + 2 || rest[above] != '/') return {};
  const std::size_t below = scan::digits(rest.substr(above + 1));
  const std::size_t length = above + 1 + below;
  if (below == 0 || below > 3 || rest.substr(length).starts_with('/')) return {};
  const auto a = *scan::number(rest.substr(0, above))->value();
  const auto b = *scan::number(rest.substr(above + 1, below))->value();
  if (a == 0 || b == 0) return {};
  const bool usual = a < b && (b <= 10 || b == 12 || b == 16 || b == 100);
  if (usual) return {length, korean::sino(b) + " 분의 " + korean::sino(a)};
  if (a <= 12 && b <= 31)
    return {length, month_words(static_cast<unsigned>(a)) + " " + korean::sino(b) + " 일"};
  return {length, korean::sino(a) + " 대 " + korean::sino(b)};
}

// "1.2.3": more than one point; "3:2": a score.
Reading dotted(std::string_view rest) {
  std::size_t at = 0;
  std::size_t parts = 0;
  std::string said;
  char mark = 0;
  while (at < rest.size() && scan::is_digit(rest[at])) {
    const std::size_t count = scan::digits(rest.substr(at));
    Number part;
    part.whole = rest.substr(at, count);
    said +=
        (parts++ == 0 ? std::string() : std::string(mark == ':' ? " 대 " : " 점 ")) + korean::number(part);
    at += count;
    if (at + 1 >= rest.size() || (rest[at] != '.' && rest[at] != ':') || !scan::is_digit(rest[at + 1])) break;
    if (mark != 0 && rest[at] != mark) break;
    mark = rest[at++];
  }
  return parts > 2 || (parts == 2 && mark == ':') ? Reading{at, said} : Reading{};
}

// How a number is read in front of what stands behind it, and how much of that is taken with it.
struct Tail {
  std::string number;
  std::string behind;
  std::size_t bytes = 0;
};

Tail with_tail(const Number& number, std::string_view behind) {
  if (const UnitMatch unit = find_unit(behind); unit.bytes > 0 && unit.unit->sign != "원") {
    const std::string_view sign = unit.unit->sign;
    std::string said = korean::number(number);
    if (sign == "km/h") said = "시속 " + said;
    if (sign == "mph") said = "시속 " + said;
    if (sign == "m/s") said = "초속 " + said;
    if (sign == "°F" || sign == "℉") said = "화씨 " + said;
    return {said, " " + std::string(unit.unit->korean), unit.bytes};
  }
  const std::size_t space = scan::space(behind);
  const Counter* counter = find_counter(behind.substr(space));
  if (counter == nullptr || (space > 0 && counter->count == Count::kTogether))
    return {korean::number(number), "", 0};
  std::string said = counted(number, *counter, behind.substr(space));
  const bool close = counter->count == Count::kTogether ||
                     (counter->count == Count::kMonth && (said == "유" || said == "시"));
  return {said, space > 0 || close ? "" : " ", 0};
}

bool is_service(const Number& number, std::string_view behind) {
  constexpr auto kServices = std::to_array<std::string_view>({"112", "114", "119", "120", "911"});
  return number.is_whole() &&
         std::find(kServices.begin(), kServices.end(), number.whole) != kServices.end() &&
         find_counter(behind) == nullptr && find_unit(behind).bytes == 0;
}

Reading quantity(std::string_view rest) {
  const auto first = scan::number(rest);
  std::size_t length = first->length;
  const std::string_view behind = rest.substr(length);
  if (is_service(*first, behind)) return {length, korean::spelled(first->whole)};
  const std::size_t mark = scan::range_mark(behind);
  if (mark > 0 && !scan::time(behind.substr(mark)) && !first->grouped) {
    const auto second = scan::number(behind.substr(mark));
    const std::string_view end = behind.substr(mark + second->length);
    if (scan::range_mark(end) == 0) {
      length += mark + second->length;
      const Counter* counter = find_counter(end);
      const bool native =
          counter != nullptr && (counter->count == Count::kNative || counter->count == Count::kHour);
      const auto a = first->value();
      const auto b = second->value();
      if (native && counter->count == Count::kNative && a && b && *a + 1 == *b && *a >= 1 &&
          *a < kPairs.size() && first->is_whole() && second->is_whole())
        return {length, std::string(kPairs[*a]) + " "};  // 두세 개
      const Tail tail = with_tail(*second, end);
      if (native)
        return {length, counted(*first, *counter, end) + " " + std::string(counter->word) + "에서 " +
                            tail.number + tail.behind};
      return {length + tail.bytes, korean::number(*first) + "에서 " + tail.number + tail.behind};
    }
  }
  const Tail tail = with_tail(*first, behind);
  return {length + tail.bytes, tail.number + tail.behind};
}

Reading money(std::string_view rest) {
  std::optional<Amount> amount = find_amount(rest);
  if (!amount) return {};
  const Currency& currency = *amount->currency;
  scan::Number& number = amount->number;
  std::size_t length = amount->length;
  std::string cents;
  if (number.fraction.size() == 2 && !currency.korean_part.empty()) {
    const auto part = static_cast<unsigned>(std::stoul(number.fraction));
    if (part > 0) cents = " " + korean::sino(part) + " " + std::string(currency.korean_part);
    number.fraction.clear();
  }
  std::string said = korean::number(number);
  const Counter* scale = find_counter(rest.substr(length));
  if (scale != nullptr && scale->count == Count::kTogether && scale->word != "여") {
    said += scale->word;
    length += scale->word.size();
  }
  return {length, said + " " + std::string(currency.korean) + cents};
}

Reading address(std::string_view before, std::string_view rest) {
  if (!before.empty() && scan::is_alnum(before.back())) return {};
  const std::size_t length = scan::address(rest);
  if (length == 0) return {};
  std::string said;
  for (const char c : rest.substr(0, length)) {
    if (c == '.' || c == '@')
      said += c == '.' ? " 닷 " : " 골뱅이 ";
    else
      said += c;
  }
  return {length, said};
}

// "-5도", "-5℃"
bool is_below_zero(std::string_view sign, std::string_view rest) {
  if (sign != "-" && sign != "−") return false;
  const auto number = scan::number(rest);
  if (!number) return false;
  const std::string_view behind = rest.substr(number->length);
  const UnitMatch unit = find_unit(behind);
  return behind.starts_with("도") || (unit.bytes > 0 && unit.unit->korean == "도");
}

}  // namespace

Reading read_korean(std::string_view before, std::string_view rest) {
  constexpr auto kNames = std::to_array<std::pair<std::string_view, std::string_view>>(
      {{"3D", "쓰리디"}, {"5G", "파이브지"}, {"4K", "포케이"}});
  const char first = rest.front();
  const bool inside = !before.empty() && scan::is_alnum(before.back());
  if (!inside && (first == '+' || first == '(' || scan::is_digit(first)))
    if (Reading reading = telephone(rest)) return reading;
  if (scan::is_alpha(first)) return address(before, rest);
  if (Reading reading = money(rest)) return reading;
  if (!scan::is_digit(first)) {
    if (Reading reading = read_sign(before, rest, true)) {
      if (is_below_zero(rest.substr(0, reading.bytes), rest.substr(reading.bytes))) reading.spoken = "영하 ";
      return reading;
    }
    const std::size_t mark = scan::range_mark(rest);  // "9시~18시", "9:00~18:00"
    if (mark == 0 || before.empty() || !scan::is_word(before.back())) return {};
    return scan::is_alpha(before.back()) ? Reading{} : Reading{mark, rest.starts_with('-') ? " " : "에서 "};
  }
  if (inside) return {};
  for (const auto& [name, words] : kNames)
    if (rest.starts_with(name) && scan::ends_word(rest.substr(name.size())))
      return {name.size(), std::string(words)};
  if (Reading reading = address(before, rest)) return reading;
  for (const auto& rule : {calendar, clock, fraction, dotted})
    if (Reading reading = rule(rest)) return reading;
  return quantity(rest);
}

}  // namespace prot::tts
