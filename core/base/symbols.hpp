#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prot {

/// What stands at an address of a program.
struct SymbolLine {
  std::string function;  // empty: not known
  std::string place;     // "core/ipc/board.cpp:120"; empty: the file has no such information
};

/// What addr2line said of places, as far as it came.
struct SymbolAnswer {
  std::vector<std::vector<SymbolLine>> places;  // of the first of those that were asked for
  std::string trouble;                          // why there are not all; empty: there are
};

/// By addr2line: for each of `offsets` in the file of a program or library the line there, innermost first:
/// what was inlined stands before what it was inlined into. Blocking, for a big program with debug
/// information seconds: for worker threads and set-up. `within` 0: as long as it takes. Throws Error: there
/// is no addr2line.
[[nodiscard]] SymbolAnswer ask_symbols(const std::string& module, const std::vector<std::uint64_t>& offsets,
                                       Nanos within = 0);
/// The same for whoever asks once: empty where there was no answer.
[[nodiscard]] std::vector<std::vector<SymbolLine>> symbols_at(const std::string& module,
                                                              const std::vector<std::uint64_t>& offsets,
                                                              Nanos within = 0);

namespace detail {
/// What `addr2line -a -i -f -C` prints, one entry for each address that it names.
[[nodiscard]] std::vector<std::vector<SymbolLine>> parse_addr2line(const std::string& output);
}  // namespace detail

}  // namespace prot
