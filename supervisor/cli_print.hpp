#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

#include "base/terminal_words.hpp"

namespace prot::supervisor {

/// Prints what other programs and services may have a word in: nothing of it steers the terminal. What is to
/// stay in one line is given as shown_line().
template <typename... Args>
void print_shown(std::FILE* where, fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(where, "{}", shown_lines(fmt::format(format, std::forward<Args>(args)...)));
}

/// One document and a line end: the same values, whatever looks at it.
inline void print_shown_json(std::string_view json) { fmt::print("{}\n", shown_json(json)); }

}  // namespace prot::supervisor
