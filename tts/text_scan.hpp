#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Small looks at UTF-8 text, by bytes. What is not ASCII counts as a letter.
namespace prot::tts::scan {

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_alpha(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
[[nodiscard]] constexpr bool is_alnum(char c) noexcept { return is_digit(c) || is_alpha(c); }
[[nodiscard]] constexpr bool is_wide(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }
[[nodiscard]] constexpr bool is_word(char c) noexcept { return is_alnum(c) || is_wide(c); }
[[nodiscard]] constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr bool begins_word(std::string_view text) noexcept {
  return !text.empty() && is_word(text.front());
}
/// Does the text end before anything that would go on with an ASCII word?
[[nodiscard]] constexpr bool ends_word(std::string_view rest) noexcept {
  return rest.empty() || !is_alnum(rest.front());
}
[[nodiscard]] constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// Digits that `text` begins with.
[[nodiscard]] std::size_t digits(std::string_view text) noexcept;
/// 1 where one space (or a no-break space: its length) stands at the start of `text`, else 0.
[[nodiscard]] std::size_t space(std::string_view text) noexcept;
/// The length of a sign of range that a digit follows: - – — ~ ～ 〜, else 0.
[[nodiscard]] std::size_t range_mark(std::string_view text) noexcept;
/// The last word of `text`, without what stands behind it.
[[nodiscard]] std::string_view last_word(std::string_view text) noexcept;

/// "1,234.50": without its commas; no sign.
struct Number {
  std::string whole;
  std::string fraction;
  bool grouped = false;
  std::size_t length = 0;  // bytes of it

  [[nodiscard]] bool is_whole() const noexcept { return fraction.empty(); }
  /// Of the whole part; nothing when it is too large.
  [[nodiscard]] std::optional<unsigned long long> value() const;
};
[[nodiscard]] std::optional<Number> number(std::string_view text);

/// "2026-11-24", "2026/11/24", "2026.11.24", "2026. 11. 24."; a day of 0: only year and month.
struct Date {
  unsigned year = 0, month = 0, day = 0;
  std::size_t length = 0;
};
[[nodiscard]] std::optional<Date> date(std::string_view text);

/// "3:30", "15:30:10".
struct Time {
  unsigned hour = 0, minute = 0;
  std::optional<unsigned> second;
  std::size_t length = 0;
};
[[nodiscard]] std::optional<Time> time(std::string_view text);

/// With hyphens: "010-1234-5678", "+82-10-1234-5678", "(555) 123-4567", "555-1234", "1588-1234".
struct Telephone {
  std::string groups;    // "010 1234 5678", a '+' in front
  bool service = false;  // "1588-1234", as in Korea
  std::size_t length = 0;
};
[[nodiscard]] std::optional<Telephone> telephone(std::string_view text);

/// "name@example.com", "www.example.com": its length, without a mark behind it; 0: there is none.
[[nodiscard]] std::size_t address(std::string_view text);

}  // namespace prot::tts::scan
