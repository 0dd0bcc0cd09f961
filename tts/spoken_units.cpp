#include "spoken_units.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "text_scan.hpp"

namespace prot::tts {
namespace {

// Longer signs before those that they begin with.
constexpr auto kUnits = std::to_array<Unit>({
    {"km/h", "kilometer per hour", "kilometers per hour", "킬로미터"},
    {"m/s", "meter per second", "meters per second", "미터"},
    {"km²", "square kilometer", "square kilometers", "제곱킬로미터"},
    {"cm²", "square centimeter", "square centimeters", "제곱센티미터"},
    {"m²", "square meter", "square meters", "제곱미터"},
    {"m³", "cubic meter", "cubic meters", "세제곱미터"},
    {"㎡", "square meter", "square meters", "제곱미터"},
    {"km", "kilometer", "kilometers", "킬로미터"},
    {"㎞", "kilometer", "kilometers", "킬로미터"},
    {"cm", "centimeter", "centimeters", "센티미터"},
    {"㎝", "centimeter", "centimeters", "센티미터"},
    {"mm", "millimeter", "millimeters", "밀리미터"},
    {"㎜", "millimeter", "millimeters", "밀리미터"},
    {"kg", "kilogram", "kilograms", "킬로그램"},
    {"㎏", "kilogram", "kilograms", "킬로그램"},
    {"mg", "milligram", "milligrams", "밀리그램"},
    {"mL", "milliliter", "milliliters", "밀리리터"},
    {"ml", "milliliter", "milliliters", "밀리리터"},
    {"㎖", "milliliter", "milliliters", "밀리리터"},
    {"mph", "mile per hour", "miles per hour", "마일"},
    {"lbs", "pound", "pounds", "파운드"},
    {"lb", "pound", "pounds", "파운드"},
    {"oz", "ounce", "ounces", "온스"},
    {"mi", "mile", "miles", "마일"},
    {"ft", "foot", "feet", "피트"},
    {"hrs", "hour", "hours", "시간"},
    {"hr", "hour", "hours", "시간"},
    {"mins", "minute", "minutes", "분"},
    {"min", "minute", "minutes", "분"},
    {"secs", "second", "seconds", "초"},
    {"sec", "second", "seconds", "초"},
    {"ms", "millisecond", "milliseconds", "밀리초"},
    {"kWh", "kilowatt hour", "kilowatt hours", "킬로와트시"},
    {"kW", "kilowatt", "kilowatts", "킬로와트"},
    {"MW", "megawatt", "megawatts", "메가와트"},
    {"mA", "milliampere", "milliamperes", "밀리암페어"},
    {"GHz", "gigahertz", "gigahertz", "기가헤르츠"},
    {"MHz", "megahertz", "megahertz", "메가헤르츠"},
    {"kHz", "kilohertz", "kilohertz", "킬로헤르츠"},
    {"Hz", "hertz", "hertz", "헤르츠"},
    {"TB", "terabyte", "terabytes", "테라바이트"},
    {"GB", "gigabyte", "gigabytes", "기가바이트"},
    {"MB", "megabyte", "megabytes", "메가바이트"},
    {"KB", "kilobyte", "kilobytes", "킬로바이트"},
    {"kB", "kilobyte", "kilobytes", "킬로바이트"},
    {"Mbps", "megabit per second", "megabits per second", "메가비트"},
    {"Gbps", "gigabit per second", "gigabits per second", "기가비트"},
    {"kcal", "kilocalorie", "kilocalories", "킬로칼로리"},
    {"dB", "decibel", "decibels", "데시벨"},
    {"°C", "degree Celsius", "degrees Celsius", "도"},
    {"℃", "degree Celsius", "degrees Celsius", "도"},
    {"°F", "degree Fahrenheit", "degrees Fahrenheit", "도"},
    {"℉", "degree Fahrenheit", "degrees Fahrenheit", "도"},
    {"°", "degree", "degrees", "도"},
    {"%p", "percentage point", "percentage points", "퍼센트포인트"},
    {"%", "percent", "percent", "퍼센트"},
    {"％", "percent", "percent", "퍼센트"},
    {"원", "won", "won", "원"},
    {"₩", "won", "won", "원"},
    {"USD", "dollar", "dollars", "달러"},
    {"EUR", "euro", "euros", "유로"},
    {"KRW", "won", "won", "원"},
    {"JPY", "yen", "yen", "엔"},
    {"m", "meter", "meters", "미터"},
    {"g", "gram", "grams", "그램"},
    {"L", "liter", "liters", "리터"},
    {"l", "liter", "liters", "리터"},
    {"W", "watt", "watts", "와트"},
    {"V", "volt", "volts", "볼트"},
    {"h", "hour", "hours", "시간"},
});

constexpr auto kCurrencies = std::to_array<Currency>({
    {"US$", "dollar", "dollars", "cent", "cents", "달러", "센트"},
    {"$", "dollar", "dollars", "cent", "cents", "달러", "센트"},
    {"€", "euro", "euros", "cent", "cents", "유로", "센트"},
    {"£", "pound", "pounds", "penny", "pence", "파운드", "펜스"},
    {"¥", "yen", "yen", "", "", "엔", ""},
    {"₩", "won", "won", "", "", "원", ""},
    {"￦", "won", "won", "", "", "원", ""},
});

struct Magnitude {
  std::string_view sign;
  std::string_view words;
};
constexpr auto kMagnitudes = std::to_array<Magnitude>({
    {"thousand", "thousand"},
    {"million", "million"},
    {"billion", "billion"},
    {"trillion", "trillion"},
    {"bn", "billion"},
    {"k", "thousand"},
    {"K", "thousand"},
    {"M", "million"},
    {"B", "billion"},
    {"T", "trillion"},
});

using Where = Sign::Where;
constexpr auto kEnglishSigns = std::to_array<Sign>({
    {"−", "minus", Where::kBeforeDigit},
    {"-", "minus", Where::kBeforeDigit},
    {"+", "plus", Where::kBeforeDigit},
    {"±", "plus or minus ", Where::kAnywhere},
    {"~", "about", Where::kBeforeDigit},
    {"≈", "about ", Where::kAnywhere},
    {"<", "less than", Where::kBeforeDigit},
    {">", "more than", Where::kBeforeDigit},
    {"≤", "at most ", Where::kAnywhere},
    {"≥", "at least ", Where::kAnywhere},
    {"#", "number", Where::kBeforeDigit},
    {"&", "and", Where::kAlone},
    {"+", "plus", Where::kAlone},
    {"+", "plus", Where::kBetween},
    {"-", "minus", Where::kBetween},
    {"=", "equals", Where::kAlone},
    {"=", "equals", Where::kBetween},
    {"<", "is less than", Where::kBetween},
    {">", "is more than", Where::kBetween},
    {"*", "times", Where::kBetween},
    {"×", " times ", Where::kAnywhere},
    {"÷", " divided by ", Where::kAnywhere},
    {"→", ", ", Where::kAnywhere},
    {"²", " squared", Where::kAnywhere},
    {"³", " cubed", Where::kAnywhere},
    {"℃", " degrees Celsius", Where::kAnywhere},
    {"°C", " degrees Celsius", Where::kAnywhere},
    {"°F", " degrees Fahrenheit", Where::kAnywhere},
    {"™", "", Where::kAnywhere},
    {"®", "", Where::kAnywhere},
    {"©", "", Where::kAnywhere},
});
constexpr auto kKoreanSigns = std::to_array<Sign>({
    {"−", "마이너스", Where::kBeforeDigit},
    {"-", "마이너스", Where::kBeforeDigit},
    {"+", "플러스", Where::kBeforeDigit},
    {"±", "플러스마이너스 ", Where::kAnywhere},
    {"~", "약", Where::kBeforeDigit},
    {"≈", "약 ", Where::kAnywhere},
    {"&", "앤드", Where::kAlone},
    {"+", "더하기", Where::kAlone},
    {"+", "더하기", Where::kBetween},
    {"-", "빼기", Where::kBetween},
    {"=", "는", Where::kAlone},
    {"=", "는", Where::kBetween},
    {"*", "곱하기", Where::kBetween},
    {"×", " 곱하기 ", Where::kAnywhere},
    {"÷", " 나누기 ", Where::kAnywhere},
    {"→", ", ", Where::kAnywhere},
    {"·", " ", Where::kAnywhere},
    {"²", " 제곱", Where::kAnywhere},
    {"³", " 세제곱", Where::kAnywhere},
    {"℃", " 도", Where::kAnywhere},
    {"°C", " 도", Where::kAnywhere},
    {"™", "", Where::kAnywhere},
    {"®", "", Where::kAnywhere},
    {"©", "", Where::kAnywhere},
});

}  // namespace

UnitMatch find_unit(std::string_view behind) {
  const std::size_t space = scan::space(behind);
  const std::string_view text = behind.substr(space);
  UnitMatch best;
  for (const Unit& unit : kUnits) {
    if (!text.starts_with(unit.sign) || unit.sign.size() + space <= best.bytes) continue;
    const std::string_view rest = text.substr(unit.sign.size());
    if (scan::is_alpha(unit.sign.back()) && !scan::ends_word(rest)) continue;
    if (unit.sign == "m" && rest.starts_with("/")) continue;
    best = {&unit, space + unit.sign.size()};
  }
  return best;
}

const Currency* find_currency(std::string_view text) {
  const auto found = std::find_if(kCurrencies.begin(), kCurrencies.end(),
                                  [text](const Currency& one) { return text.starts_with(one.sign); });
  return found == kCurrencies.end() ? nullptr : &*found;
}

std::optional<Amount> find_amount(std::string_view text) {
  const Currency* currency = find_currency(text);
  if (currency == nullptr) return std::nullopt;
  std::size_t length = currency->sign.size();
  length += scan::space(text.substr(length));
  std::optional<scan::Number> number = scan::number(text.substr(length));
  if (!number) return std::nullopt;
  length += number->length;
  return Amount{currency, *std::move(number), length};
}

Reading find_magnitude(std::string_view behind) {
  const std::size_t space = scan::space(behind);
  const std::string_view text = behind.substr(space);
  for (const Magnitude& one : kMagnitudes) {
    if (!text.starts_with(one.sign) || !scan::ends_word(text.substr(one.sign.size()))) continue;
    if (space > 0 && one.sign.size() < 3) continue;  // "5 M": no
    return {space + one.sign.size(), std::string(one.words)};
  }
  return {};
}

Reading read_sign(std::string_view before, std::string_view rest, bool korean) {
  const bool fresh = before.empty() || scan::is_space(before.back()) || before.back() == '(';
  for (const Sign& one :
       korean ? std::span<const Sign>(kKoreanSigns) : std::span<const Sign>(kEnglishSigns)) {
    if (!rest.starts_with(one.sign)) continue;
    const std::string_view behind = rest.substr(one.sign.size());
    const bool apart = fresh && (behind.empty() || scan::is_space(behind.front()));
    const auto begins_number = [](std::string_view text) {
      return !text.empty() && (scan::is_digit(text.front()) || find_currency(text) != nullptr);
    };
    switch (one.where) {
      case Where::kAnywhere:
        return {one.sign.size(), std::string(one.words)};
      case Where::kBeforeDigit:
        if (fresh && begins_number(behind)) return {one.sign.size(), std::string(one.words) + " "};
        break;
      case Where::kBetween: {
        const std::string_view left = before.substr(0, before.size() - (fresh && !before.empty() ? 1 : 0));
        const bool number_before = !left.empty() && (scan::is_digit(left.back()) || left.back() == ')');
        const bool dash = one.sign == "-";  // without spaces it is a range
        if (number_before && begins_number(behind.substr(scan::space(behind))) &&
            (apart || (!fresh && !dash)))
          return {one.sign.size(), std::string(one.words)};
        break;
      }
      case Where::kAlone:
        if (apart) return {one.sign.size(), std::string(one.words)};
        break;
    }
  }
  return {};
}

}  // namespace prot::tts
