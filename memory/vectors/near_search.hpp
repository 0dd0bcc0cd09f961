#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vectors/embedder.hpp"
#include "vectors/vector_index.hpp"

namespace prot::memory {

/// How far a store is with a search of its own, for vectors that the index in memory has no room for.
struct StoreNear {
  enum class State {
    kUnknown,  // nobody asked for it
    kAbsent,   // the store has no such thing
    kRefused,  // it has, but it is of no use: `why`
    kFilling,  // not all of the model's vectors can be searched there yet
    kReady,
  };
  State state = State::kUnknown;
  std::string what = {};      // "pgvector 0.8.2"
  std::string why = {};       // of kRefused
  std::uint64_t vectors = 0;  // that it has
  bool more = false;          // there is something left to do
};

/// Is the store asked for what is near to a question? Only where memory lacks something: its own search is
/// faster, and has all else.
[[nodiscard]] constexpr bool asks_store(std::uint64_t dropped, StoreNear::State state) noexcept {
  return dropped > 0 && state == StoreNear::State::kReady;
}

/// The search of a store among all vectors of one model. Blocking, one thread, but for abort().
class NearSearch {
 public:
  virtual ~NearSearch() = default;
  /// The nearest, best first. Throws StoreError.
  [[nodiscard]] virtual std::vector<VectorIndex::Near> nearest(const Vector& query, std::size_t limit) = 0;
  /// What is under way fails soon, and whatever comes after. Thread-safe.
  virtual void abort() noexcept {}
};

/// Of both the nearest, best first, each key once.
[[nodiscard]] std::vector<VectorIndex::Near> nearest_of_both(std::span<const VectorIndex::Near> one,
                                                             std::span<const VectorIndex::Near> other,
                                                             std::size_t limit);

}  // namespace prot::memory
