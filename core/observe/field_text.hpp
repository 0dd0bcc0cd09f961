#pragma once

#include <cstddef>
#include <cstring>
#include <string>

namespace prot::observe {

/// A zero-terminated field of shared memory.
template <std::size_t N>
[[nodiscard]] std::string field_text(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

}  // namespace prot::observe
