#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "recall/memory_records.hpp"
#include "vectors/packed_vector.hpp"

namespace prot::memory {

/// Whose vector it is: a message's, or that of a text by itself (a fact's statement).
struct VectorKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint64_t number = 0;

  [[nodiscard]] static VectorKey of(const MessageKey& key) noexcept {
    return {key.conversation.high, key.conversation.low, key.sequence};
  }
  /// Of a statement: its hash, in the name of a conversation that there is none of.
  [[nodiscard]] static VectorKey of_statement(std::string_view statement) noexcept;
  friend bool operator==(const VectorKey&, const VectorKey&) = default;
};

/// Vectors of one model, all of them compared with a question's, and the nearest found. The comparison reads
/// 8 bits a number; the best by that are compared anew with 16. Not thread-safe. Invariants: a key has at
/// most one vector, the newest; never more than `max_vectors`: the first that were put go.
class VectorIndex {
 public:
  struct Near {
    VectorKey key;
    float similarity;  // cosine
  };
  using Allowed = std::function<bool(const VectorKey&)>;

  explicit VectorIndex(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False: it has other dimensions than those before.
  bool put(const VectorKey& key, const PackedVector& vector);
  void erase(const VectorKey& key);
  void clear();
  /// The nearest, best first, at most `limit`.
  [[nodiscard]] std::vector<Near> search(const Vector& query, std::size_t limit,
                                         const Allowed& allowed = {}) const;
  [[nodiscard]] bool has(const VectorKey& key) const { return places_.contains(key); }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Hash {
    std::size_t operator()(const VectorKey& key) const noexcept {
      return (key.low ^ (key.high << 1U)) * 0x9E3779B97F4A7C15U + key.number * 0xC2B2AE3D27D4EB4FU;
    }
  };
  struct Owner {
    VectorKey key;
    float scale;  // 0: it is gone
  };
  void make_room();
  [[nodiscard]] float exact(std::size_t slot, const Vector& query) const;

  std::size_t max_bytes_;
  std::size_t dimension_ = 0;
  std::size_t stride_ = 0;  // dimension, rounded up to what is compared at once
  // By slot: the value is 256 * high + low.
  std::vector<std::int8_t> high_;
  std::vector<std::int8_t> low_;
  std::vector<Owner> owners_;
  std::unordered_map<VectorKey, std::size_t, Hash> places_;
};

}  // namespace prot::memory
