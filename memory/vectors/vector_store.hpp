#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory_store.hpp"
#include "vectors/near_search.hpp"
#include "vectors/vector_index.hpp"

namespace prot::memory {

struct StoredVector {
  VectorKey key;
  PackedVector vector;
};

/// A finished message or an active fact that has no vector of the model yet.
struct PendingText {
  bool fact = false;
  std::int64_t id = 0;  // of the message or fact, as the store counts
  VectorKey key;
  std::string text;
};

struct NewVector {
  const PendingText* text = nullptr;
  std::optional<PackedVector> vector;  // nothing: the model refuses the text
};

/// Where vectors live. Blocking; one thread (the vector worker's), but for note(). Every call is one
/// transaction. All throw StoreError. What is without a vector is asked of the texts themselves, so there is
/// no queue that could lose one: after a crash, a change of the model, a long absence it is as long as it is.
class VectorStore {
 public:
  /// Where a reader stands; a new one begins at the beginning.
  struct Cursor {
    bool facts = false;  // the messages are through
    std::int64_t id = 0;
  };

  virtual ~VectorStore() = default;
  virtual void connect() = 0;
  virtual void close() noexcept = 0;
  /// What is under way, on a server that hangs too, fails soon, and whatever comes after. Thread-safe.
  virtual void abort() noexcept {}

  /// Vectors of the model, about `limit`, and those after them at the next call; empty: that was all.
  virtual std::vector<StoredVector> next_vectors(const std::string& model, Cursor* cursor, int limit) = 0;
  /// The same for texts that have none.
  virtual std::vector<PendingText> next_pending(const std::string& model, Cursor* cursor, int limit) = 0;
  /// Texts that are gone meanwhile are passed over.
  virtual void store(const std::string& model, std::span<const NewVector> vectors) = 0;
  /// The newest message that there is.
  virtual std::int64_t last_message() = 0;
  struct Counts {
    std::uint64_t pending = 0;
    std::uint64_t stored = 0;
  };
  /// How many texts have no vector, and how many have one.
  virtual Counts counts(const std::string& model) = 0;
  /// Goes on making what it has of the model searchable where it is stored (NearSearch): a page at a call.
  virtual StoreNear keep_near(const std::string& model, std::size_t dimension) {
    (void)model, (void)dimension;
    return {.state = StoreNear::State::kAbsent};
  }
  /// There is such a text now. Thread-safe. For a store that does not see messages and facts by itself.
  virtual void note(bool fact, const VectorKey& key, std::string_view text) {
    (void)fact, (void)key, (void)text;
  }
};

}  // namespace prot::memory
