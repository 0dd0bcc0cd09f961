#include "number_words.hpp"

#include <array>
#include <utility>
#include <vector>

namespace prot::tts::english {
namespace {

constexpr auto kOnes = std::to_array<std::string_view>(
    {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
     "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
     "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"});
constexpr auto kTens = std::to_array<std::string_view>(
    {"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"});
constexpr auto kScales = std::to_array<std::pair<std::uint64_t, std::string_view>>({
    {1'000'000'000'000'000, "quadrillion"},
    {1'000'000'000'000, "trillion"},
    {1'000'000'000, "billion"},
    {1'000'000, "million"},
    {1000, "thousand"},
    {100, "hundred"},
});
constexpr auto kOrdinals = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"one", "first"},
    {"two", "second"},
    {"three", "third"},
    {"five", "fifth"},
    {"eight", "eighth"},
    {"nine", "ninth"},
    {"twelve", "twelfth"},
});

}  // namespace

std::string cardinal(std::uint64_t n) {
  for (const auto& [scale, name] : kScales) {
    if (n < scale) continue;
    std::string words = cardinal(n / scale) + " " + std::string(name);
    if (n % scale != 0) words += " " + cardinal(n % scale);
    return words;
  }
  if (n < kOnes.size()) return std::string(kOnes[n]);
  std::string words(kTens[n / 10]);
  if (n % 10 != 0) words += "-" + std::string(kOnes[n % 10]);
  return words;
}

std::string ordinal(std::uint64_t n) {
  std::string words = cardinal(n);
  const std::size_t space = words.find_last_of(" -");
  const std::size_t begin = space == std::string::npos ? 0 : space + 1;
  for (const auto& [one, first] : kOrdinals) {
    if (std::string_view(words).substr(begin) == one) return words.substr(0, begin) + std::string(first);
  }
  if (words.back() == 'y') return words.substr(0, words.size() - 1) + "ieth";
  return words + "th";
}

std::string year(unsigned n) {
  const unsigned century = n / 100;
  const unsigned rest = n % 100;
  if (n < 1100 || n > 2999 || (n >= 2000 && n < 2010)) return cardinal(n);
  if (rest == 0) return cardinal(century) + " hundred";
  return cardinal(century) + (rest < 10 ? " oh " : " ") + cardinal(rest);
}

std::string spelled(std::string_view digits) {
  std::string words;
  for (const char c : digits) {
    if (!scan::is_digit(c)) continue;
    if (!words.empty()) words += ' ';
    words += kOnes[static_cast<std::size_t>(c - '0')];
  }
  return words;
}

std::string number(const scan::Number& number) {
  const auto value = number.value();
  const bool code = number.whole.size() > 1 && number.whole.front() == '0';
  std::string words = value && !code ? cardinal(*value) : spelled(number.whole);
  if (!number.fraction.empty()) words += " point " + spelled(number.fraction);
  return words;
}

}  // namespace prot::tts::english

namespace prot::tts::korean {
namespace {

constexpr auto kDigits =
    std::to_array<std::string_view>({"영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"});
constexpr auto kPlaces = std::to_array<std::string_view>({"", "십", "백", "천"});
constexpr auto kMyriads = std::to_array<std::string_view>({"", "만", "억", "조", "경"});
constexpr auto kNativeOnes =
    std::to_array<std::string_view>({"", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"});
constexpr auto kNativeTens =
    std::to_array<std::string_view>({"", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"});

// 1 to 9999.
std::string below_myriad(unsigned n) {
  std::string words;
  unsigned scale = 1000;
  for (std::size_t place = 4; place-- > 0; scale /= 10) {
    const unsigned digit = n / scale % 10;
    if (digit == 0) continue;
    if (digit > 1 || place == 0) words += kDigits[digit];
    words += kPlaces[place];
  }
  return words;
}

}  // namespace

std::string sino(std::uint64_t n) {
  if (n == 0) return std::string(kDigits[0]);
  std::vector<unsigned> groups;
  for (; n > 0; n /= 10'000) groups.push_back(static_cast<unsigned>(n % 10'000));
  std::string words;
  for (std::size_t i = groups.size(); i-- > 0;) {
    if (groups[i] == 0) continue;
    if (!words.empty()) words += ' ';
    const bool bare = i == 1 && groups[i] == 1 && i + 1 == groups.size();  // 10,000 is "만", not "일만"
    if (!bare) words += below_myriad(groups[i]);
    words += kMyriads.at(i);
  }
  return words;
}

std::string native(unsigned n) {
  if (n == 20) return "스무";
  return std::string(kNativeTens[n / 10 % 10]) + std::string(kNativeOnes[n % 10]);
}

std::string spelled(std::string_view digits) {
  std::string words;
  for (const char c : digits)
    if (scan::is_digit(c)) words += c == '0' ? "공" : kDigits[static_cast<std::size_t>(c - '0')];
  return words;
}

std::string number(const scan::Number& number) {
  const auto value = number.value();
  const bool code = number.whole.size() > 1 && number.whole.front() == '0';
  std::string words = value && !code ? sino(*value) : spelled(number.whole);
  if (number.fraction.empty()) return words;
  words += " 점";
  for (const char c : number.fraction) words += " " + std::string(kDigits[static_cast<std::size_t>(c - '0')]);
  return words;
}

}  // namespace prot::tts::korean
