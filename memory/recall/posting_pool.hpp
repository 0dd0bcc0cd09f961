#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace prot::memory {

/// Lists of postings (which docs hold a term, and how often), as chains of 32-byte blocks from one pool: a
/// list of one posting costs a block, a long one some two bytes a posting, and no list is ever copied to
/// grow. In a block each posting is a varint of (distance to the doc before, times two, plus one when a count
/// follows) and, if it is not one, a varint of the count; the first distance counts from -1; a zero byte ends
/// the block. So a block can be read, and freed, without those before it.
/// Not thread-safe. Invariant: the docs of a list rise.
class PostingPool {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct List {
    std::uint32_t first = kNone;  // block
    std::uint32_t last = kNone;
    std::uint32_t newest = 0;  // doc
    std::uint32_t docs = 0;
    std::uint32_t used = 0;  // bytes of the last block
  };

  /// `doc` is above all of the list, `count` at least one.
  void append(List& list, std::uint32_t doc, std::uint32_t count);
  /// Forgets the docs below `doc`; blocks without any other are free for all lists.
  void drop_below(List& list, std::uint32_t doc);
  /// f(doc, count), in order.
  template <typename F>
  void for_each(const List& list, F&& f) const {
    for (std::uint32_t number = list.first; number != kNone;) {
      const Block& block = blocks_[number];
      number = block.next;
      if (number != kNone) __builtin_prefetch(&blocks_[number]);  // blocks of a list are far from each other
      decode(block, f);
    }
  }
  /// Of the heap, free blocks too.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Block {
    std::uint32_t next = kNone;
    std::array<std::uint8_t, 28> bytes{};
  };
  /// The rest of a number that has more than the byte before `at`.
  static std::uint64_t more(std::uint64_t value, const std::uint8_t*& at) {
    value &= 0x7FU;
    for (unsigned shift = 7;; shift += 7) {
      const std::uint8_t byte = *at++;
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80U) return value;
    }
  }
  static std::uint64_t varint(const std::uint8_t*& at) {
    const std::uint64_t value = *at++;
    return value < 0x80U ? value : more(value, at);
  }
  template <typename F>
  static void decode(const Block& block, F&& f) {
    std::uint32_t doc = kNone;
    const std::uint8_t* at = block.bytes.data();
    for (const std::uint8_t* end = at + block.bytes.size(); at != end && *at != 0;) {
      const std::uint64_t value = varint(at);
      doc += static_cast<std::uint32_t>(value >> 1U);
      f(doc, (value & 1U) == 0 ? 1U : static_cast<std::uint32_t>(varint(at)));
    }
  }
  static bool write(Block& block, std::uint32_t& used, std::uint32_t distance, std::uint32_t count);
  [[nodiscard]] std::uint32_t take_block();

  std::deque<Block> blocks_;
  std::uint32_t free_ = kNone;  // a chain
};

}  // namespace prot::memory
