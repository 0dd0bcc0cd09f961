#pragma once

#include <string>
#include <string_view>

#include "base/utf8.hpp"

namespace prot::text {

/// What is no UTF-8 becomes U+FFFD, as utf8::decode has it.
[[nodiscard]] inline std::u32string code_points(std::string_view text) {
  std::u32string points;
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    points += next.code_point;
    text.remove_prefix(next.length);
  }
  return points;
}

}  // namespace prot::text
