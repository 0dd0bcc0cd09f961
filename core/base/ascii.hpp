#pragma once

namespace prot {

/// Of an ASCII letter its small one; every other byte as it is, whatever the locale. RT safe.
[[nodiscard]] constexpr char lower_ascii(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace prot
