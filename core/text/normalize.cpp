#include "text/normalize.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/code_points.hpp"
#include "text/utf8.hpp"

namespace prot::text {
namespace {

std::string map_utf8(std::string_view text, int options) {
  if (!utf8::is_valid(text)) return map_utf8(utf8::sanitized(text), options);
  utf8proc_uint8_t* mapped = nullptr;
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  const utf8proc_ssize_t size = utf8proc_map(bytes, static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                             static_cast<utf8proc_option_t>(options));
  if (size < 0) throw Error(std::string("cannot normalise text: ") + utf8proc_errmsg(size));
  std::string out(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(size));
  std::free(mapped);
  return out;
}

bool is_digit(char32_t c) { return c >= U'0' && c <= U'9'; }

bool is_word(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return false;
  }
}

/// Words as written, before numbers and spellings are made the same.
std::vector<std::string> raw_words(std::string_view text) {
  const std::u32string points = code_points(normalize_nfkc_casefold(text));
  std::vector<std::string> out;
  std::string word;
  std::size_t length = 0;  // code points in word
  char32_t previous = 0;   // last code point in word
  const auto end_word = [&] {
    if (!word.empty()) out.push_back(std::exchange(word, {}));
    length = 0;
    previous = 0;
  };
  for (std::size_t i = 0; i < points.size(); ++i) {
    const char32_t c = points[i];
    const char32_t next = i + 1 < points.size() ? points[i + 1] : 0;
    if (is_word(c)) {
      if (is_digit(previous) && !is_digit(c)) end_word();  // "3pm" is "3 pm"
      utf8::append(word, c);
      previous = c;
      ++length;
    } else if (c == U'%') {
      end_word();
      out.emplace_back("percent");
    } else if (((c == U'\'' || c == 0x2019) && previous != 0 && is_word(next)) ||
               (c == U',' && is_digit(previous) && is_digit(next))) {
      // "what's" is "whats", "1,000" is "1000"
    } else if (c == U'.' && is_digit(previous) && is_digit(next)) {
      word += '.';
    } else if (c == U'.' && length == 1 && !is_digit(previous) && is_word(next) && !is_digit(next)) {
      length = 0;  // "p.m." is "pm"
    } else {
      end_word();
    }
  }
  end_word();
  return out;
}

constexpr std::array<std::string_view, 20> kSmallNumbers = {
    "zero",     "one",     "two",     "three",     "four",     "five",    "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty",  "forty",  "fifty",
                                                   "sixty",  "seventy", "eighty", "ninety"};
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSpellings = {
    {{"okay", "ok"}, {"mister", "mr"}, {"doctor", "dr"}}};

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& table, std::string_view word) {
  const auto found = std::find(table.begin(), table.end(), word);
  if (found == table.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table.begin());
}

template <typename Sequence>
std::size_t edit_distance(const Sequence& a, const Sequence& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

template <typename Sequence>
double error_rate(const Sequence& reference, const Sequence& hypothesis) {
  if (reference.empty()) return hypothesis.empty() ? 0.0 : 1.0;
  return static_cast<double>(edit_distance(reference, hypothesis)) / static_cast<double>(reference.size());
}

std::u32string joined(std::string_view text) {
  std::string all;
  for (const std::string& word : words(text)) all += word;
  return code_points(all);
}

}  // namespace

std::string normalize_nfkc_casefold(std::string_view text) {
  return map_utf8(text,
                  UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
}

std::string without_accents(std::string_view text) {
  return map_utf8(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |
                            UTF8PROC_IGNORE | UTF8PROC_STRIPMARK);
}

std::string lowered_in_place(std::string_view text) {
  std::string out(text);
  for (std::size_t at = 0; at < out.size();) {
    if (const char c = out[at]; static_cast<unsigned char>(c) < 0x80) {
      if (c >= 'A' && c <= 'Z') out[at] = static_cast<char>(c | 0x20);
      ++at;
      continue;
    }
    const utf8::Decoded next = utf8::decode(text.substr(at));
    std::string lower;
    if (next.valid)
      utf8::append(lower,
                   static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(next.code_point))));
    if (lower.size() == next.length) out.replace(at, next.length, lower);
    at += next.length;
  }
  return out;
}

std::string normalize_nfc(std::string_view text) {
  return map_utf8(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

std::size_t estimate_tokens(std::string_view text) noexcept {
  std::size_t ascii = 0;
  std::size_t wide = 0;
  std::size_t other = 0;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    if (next.code_point < 0x80) {
      ++ascii;
    } else if (is_cjk(next.code_point) || is_emoji(next.code_point)) {
      ++wide;
    } else {
      ++other;
    }
    text.remove_prefix(next.length);
  }
  return (ascii + 3) / 4 + wide + (other + 1) / 2;
}

std::vector<std::string> words(std::string_view text) {
  const std::vector<std::string> raw = raw_words(text);
  std::vector<std::string> out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const std::string& word = raw[i];
    const std::string_view next = i + 1 < raw.size() ? std::string_view(raw[i + 1]) : std::string_view();
    if (word == "hundred") {
      out.emplace_back("100");
    } else if (word == "a" && next == "hundred") {
      ++i;
      out.emplace_back("100");
    } else if (const auto tens = index_of(kTens, word)) {
      std::size_t number = (*tens + 2) * 10;
      const auto unit = index_of(kSmallNumbers, next);
      if (unit && *unit >= 1 && *unit <= 9) {
        number += *unit;
        ++i;
      }
      out.push_back(std::to_string(number));
    } else if (const auto small = index_of(kSmallNumbers, word)) {
      const bool hundreds = *small >= 1 && *small <= 9 && next == "hundred";
      if (hundreds) ++i;
      out.push_back(std::to_string(*small * (hundreds ? 100 : 1)));
    } else {
      const auto* spelling =
          std::find_if(kSpellings.begin(), kSpellings.end(), [&](const auto& s) { return s.first == word; });
      out.emplace_back(spelling != kSpellings.end() ? spelling->second : std::string_view(word));
    }
  }
  return out;
}

double word_error_rate(std::string_view reference, std::string_view hypothesis) {
  return error_rate(words(reference), words(hypothesis));
}

double character_error_rate(std::string_view reference, std::string_view hypothesis) {
  return error_rate(joined(reference), joined(hypothesis));
}

}  // namespace prot::text
