#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/symbols.hpp"
#include "heap_report.hpp"

namespace prot::web {

/// Names of places, by whoever knows them. An answer is kept while the file is the same; what nobody answered
/// is asked for again. Not thread-safe.
class SymbolCache {
 public:
  using Names = std::vector<std::vector<SymbolLine>>;
  /// Of the first of `offsets`, as far as there was an answer `within` that time.
  using Look = std::function<Names(const std::string& module, const std::vector<std::uint64_t>& offsets,
                                   Nanos within)>;
  /// Which file is there: another text when it was built anew. Empty: none.
  using Identify = std::function<std::string(const std::string& module)>;
  static constexpr std::size_t kMostKept = 20'000;  // places, or as many as the newest heaps have

  /// `clock` must outlive it.
  SymbolCache(const Clock& clock, Identify identify, Look look)
      : clock_(clock), identify_(std::move(identify)), look_(std::move(look)) {}

  /// Until `until` at the latest: prot's own programs first, and last those that were late before.
  void learn(const std::vector<StageHeap>& heaps, Nanos until);
  /// Who took the memory: the innermost line of prot's own or of an engine, not of the libraries that it
  /// asked. As "core/ipc/board.cpp:120", without debug information as the function, without symbols as
  /// "prot-stt+0x1234". Where nobody of ours is in the stack: the library with what it exports next to the
  /// place, "libcrypto.so.3: OPENSSL_LH_insert".
  [[nodiscard]] std::string site_of(const std::vector<HeapFrame>& frames) const;

  [[nodiscard]] std::size_t kept() const;

 private:
  using Lines = std::map<std::uint64_t, std::vector<SymbolLine>>;
  struct Module {
    std::string file;  // as identify_ says
    Lines lines;
  };
  using Places = std::map<std::string, std::set<std::uint64_t>>;

  [[nodiscard]] const std::vector<SymbolLine>* lines_of(const HeapFrame& frame) const;
  [[nodiscard]] std::optional<std::string> own_site(const std::vector<HeapFrame>& frames) const;
  void forget_other_files(const std::vector<StageHeap>& heaps);
  void look_up(const Places& unknown, Nanos until);
  void forget_all_but(const std::vector<StageHeap>& heaps);

  const Clock& clock_;
  Identify identify_;
  Look look_;
  std::map<std::string, Module> modules_;
  std::set<std::string> late_;  // modules; of those in modules_
};

}  // namespace prot::web
