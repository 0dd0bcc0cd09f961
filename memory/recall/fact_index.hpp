#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recall/memory_records.hpp"
#include "recall/term_index.hpp"

namespace prot::memory {

/// Facts, found by what their statements say. set() takes the whole list and indexes what is new in it: a
/// list of thousands of which one is new costs a millisecond. Not thread-safe. Invariant: it finds what is in
/// the newest list, and nothing else.
class FactIndex {
 public:
  struct Known {
    std::string statement;
    Nanos valid_from = 0;
    MessageKey source;
    std::int64_t id = 0;     // in the store
    Nanos refreshed = 0;     // when it was last said or read
    double half_life = 0.0;  // in seconds: by its kind, longer the more it was read
    bool of_user = false;
    bool past = false;  // it held until a date that its statement has
    bool gone = false;
    /// What is left of its weight: 1 to kLeastStrength.
    [[nodiscard]] double strength(Nanos now) const noexcept;
  };
  struct Hit {
    double share;  // of the question that it has, 0 to 1
    const Known* fact;
  };
  static constexpr double kLeastStrength = 0.8;

  void set(std::vector<Fact> facts);
  /// Those with at least that share, the newest first.
  [[nodiscard]] std::vector<Hit> search(const Query& query, double least) const;
  /// The newest first.
  [[nodiscard]] std::vector<const Known*> newest() const;
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }

 private:
  void add(Fact& fact, std::uint64_t hash);
  void begin_anew();

  std::vector<Known> known_;                                  // by number
  std::vector<std::uint32_t> order_;                          // of those that are there: the newest first
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // by what they say and when
  TermIndex words_{0};
  TermIndex grams_{1};
};

/// Seconds after which a fact of that predicate has lost half of what it can lose: a name holds longer than a
/// mood.
[[nodiscard]] double half_life_of(std::string_view predicate) noexcept;

}  // namespace prot::memory
