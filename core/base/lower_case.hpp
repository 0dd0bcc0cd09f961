#pragma once

#include <string>
#include <string_view>

namespace prot {

/// A to Z in small letters; everything else as it is, whatever the locale.
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

}  // namespace prot
