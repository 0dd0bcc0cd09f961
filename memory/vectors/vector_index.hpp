#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
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
/// 8 bits a number; all that may be among the nearest by what these 8 bits leave open are compared anew with
/// 16. Rows lie in blocks that never move: nothing is copied while a long past is loaded. Not thread-safe.
/// Invariants: a key has at most one vector, the newest; never more than `max_bytes`: the blocks that were
/// filled first go.
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
  /// Vectors that were in it and had to go.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
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
  /// Rows, by place: a number of one is 256 * high + low.
  struct Block {
    std::unique_ptr<std::int8_t[]> high;
    std::unique_ptr<std::int8_t[]> low;
    std::vector<Owner> owners;
  };
  struct Row {
    const Block* block;
    std::size_t place;
  };
  struct Scored;
  class Candidates;

  void begin(std::size_t dimension);
  /// Where a new row is to be.
  [[nodiscard]] std::uint64_t new_row(const VectorKey& key);
  void drop_oldest_block();
  [[nodiscard]] Block& block_of(std::uint64_t row) { return blocks_[(row - first_) / block_rows_]; }
  [[nodiscard]] std::size_t place_of(std::uint64_t row) const { return (row - first_) % block_rows_; }
  [[nodiscard]] float exact(const Row& row, const Vector& query) const;

  std::size_t max_bytes_;
  std::size_t dimension_ = 0;
  std::size_t stride_ = 0;      // dimension, rounded up to what is compared at once
  std::size_t block_rows_ = 0;  // of a block
  std::size_t most_blocks_ = 0;
  std::uint64_t first_ = 0;  // row that the first block begins with: a multiple of block_rows_
  std::uint64_t dropped_ = 0;
  float largest_scale_ = 0.0F;  // that there was
  std::deque<Block> blocks_;
  std::unordered_map<VectorKey, std::uint64_t, Hash> places_;
};

}  // namespace prot::memory
