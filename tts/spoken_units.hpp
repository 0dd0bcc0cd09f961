#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "spoken_form.hpp"
#include "text_scan.hpp"

/// The tables of units, currencies and signs.
namespace prot::tts {

struct Unit {
  std::string_view sign;  // "km/h"
  std::string_view one;   // "kilometer per hour"
  std::string_view many;
  std::string_view korean;
};
struct UnitMatch {
  const Unit* unit = nullptr;
  std::size_t bytes = 0;  // with a space in front
};
/// The unit that follows a number: directly, or behind one space.
[[nodiscard]] UnitMatch find_unit(std::string_view behind);

struct Currency {
  std::string_view sign;  // "$"
  std::string_view one;
  std::string_view many;
  std::string_view part;
  std::string_view parts;
  std::string_view korean;
  std::string_view korean_part;
};
/// The currency whose sign `text` begins with; null: none.
[[nodiscard]] const Currency* find_currency(std::string_view text);
/// "$ 5.50": a currency's sign and the number behind it.
struct Amount {
  const Currency* currency;
  scan::Number number;
  std::size_t length;  // bytes of both
};
[[nodiscard]] std::optional<Amount> find_amount(std::string_view text);
/// " million", "M", "bn" behind an amount of money.
[[nodiscard]] Reading find_magnitude(std::string_view behind);

/// A sign that is read as words.
struct Sign {
  /// kBeforeDigit: at the start of a number; kBetween: numbers on both sides; kAlone: spaces on both sides.
  enum class Where { kAnywhere, kBeforeDigit, kBetween, kAlone };
  std::string_view sign;
  std::string_view words;
  Where where;
};
/// How the sign at this place is read.
[[nodiscard]] Reading read_sign(std::string_view before, std::string_view rest, bool korean);

}  // namespace prot::tts
