#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "text_scan.hpp"

namespace prot::tts::english {

[[nodiscard]] std::string cardinal(std::uint64_t n);  // 123: "one hundred twenty-three"
[[nodiscard]] std::string ordinal(std::uint64_t n);   // 21: "twenty-first"
[[nodiscard]] std::string year(unsigned n);           // 1905: "nineteen oh five"
/// Digit by digit; other characters are left out.
[[nodiscard]] std::string spelled(std::string_view digits);
/// "3.14": "three point one four"; "007" and what is too large digit by digit.
[[nodiscard]] std::string number(const scan::Number& number);

}  // namespace prot::tts::english

namespace prot::tts::korean {

[[nodiscard]] std::string sino(std::uint64_t n);  // 2026: "이천이십육"
[[nodiscard]] std::string native(unsigned n);     // 1 to 99, before a counter: "한", "스무", "열두"
[[nodiscard]] std::string spelled(std::string_view digits);    // as in a telephone number: "공일공"
[[nodiscard]] std::string number(const scan::Number& number);  // "3.14": "삼 점 일 사"

}  // namespace prot::tts::korean
