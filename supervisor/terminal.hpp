#pragma once

#include <cstdio>
#include <string>

namespace prot::supervisor {

/// Shows a person what goes on. That nobody looks any more, the terminal being gone, is no failure.
inline void print_to(std::FILE* where, const std::string& text) {
  static_cast<void>(std::fputs(text.c_str(), where));
  static_cast<void>(std::fflush(where));
}

}  // namespace prot::supervisor
