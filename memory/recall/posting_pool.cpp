#include "recall/posting_pool.hpp"

#include <algorithm>

#include "recall/heap_size.hpp"

namespace prot::memory {

bool PostingPool::write(Block& block, std::uint32_t& used, std::uint32_t distance, std::uint32_t count) {
  std::array<std::uint8_t, 10> encoded{};
  std::size_t size = 0;
  const auto put = [&](std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) encoded[size++] = static_cast<std::uint8_t>(value | 0x80U);
    encoded[size++] = static_cast<std::uint8_t>(value);
  };
  put(std::uint64_t{distance} * 2 + (count == 1 ? 0 : 1));
  if (count != 1) put(count);
  if (used + size > block.bytes.size()) return false;
  std::copy_n(encoded.begin(), size, block.bytes.begin() + used);
  used += static_cast<std::uint32_t>(size);
  return true;
}

std::uint32_t PostingPool::take_block() {
  if (free_ == kNone) {
    blocks_.emplace_back();
    return static_cast<std::uint32_t>(blocks_.size() - 1);
  }
  const std::uint32_t block = free_;
  free_ = blocks_[block].next;
  blocks_[block] = {};
  return block;
}

void PostingPool::append(List& list, std::uint32_t doc, std::uint32_t count) {
  const bool fits = list.last != kNone && write(blocks_[list.last], list.used, doc - list.newest, count);
  if (!fits) {
    const std::uint32_t block = take_block();
    (list.last == kNone ? list.first : blocks_[list.last].next) = block;
    list.last = block;
    list.used = 0;
    write(blocks_[block], list.used, doc + 1, count);
  }
  list.newest = doc;
  ++list.docs;
}

void PostingPool::drop_below(List& list, std::uint32_t doc) {
  while (list.first != kNone) {
    Block& block = blocks_[list.first];
    Block kept{block.next, {}};
    std::uint32_t used = 0;
    std::uint32_t before = kNone;
    std::uint32_t dropped = 0;
    // What is kept always fits: its first number is at most a byte longer than the one that it replaces.
    decode(block, [&](std::uint32_t held, std::uint32_t count) {
      if (held < doc) {
        ++dropped;
        return;
      }
      write(kept, used, held - before, count);
      before = held;
    });
    if (dropped == 0) return;
    list.docs -= dropped;
    if (used != 0) {
      block = kept;
      if (list.first == list.last) list.used = used;
      return;
    }
    const std::uint32_t emptied = list.first;
    list.first = block.next;
    block.next = free_;
    free_ = emptied;
  }
  list = {};
}

std::size_t PostingPool::bytes() const noexcept { return heap_size(blocks_); }

}  // namespace prot::memory
