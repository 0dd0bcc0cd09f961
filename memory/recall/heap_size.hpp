#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

/// What containers take from the heap, as glibc and libstdc++ hand it out: for an account of one's own memory
/// that is exact without asking the allocator. tests/memory/turn_index_test.cpp compares it with that.
namespace prot::memory {

/// A block of malloc: eight bytes of its own, in steps of sixteen.
constexpr std::size_t heap_block(std::size_t bytes) noexcept {
  return bytes == 0 ? 0 : std::max<std::size_t>(32, (bytes + 8 + 15) / 16 * 16);
}

/// A deque's chunks of 512 bytes, and its table of them (half of that may be empty).
template <typename T>
std::size_t heap_size(const std::deque<T>& deque) noexcept {
  constexpr std::size_t kEach = std::max<std::size_t>(1, 512 / sizeof(T));
  const std::size_t chunks = deque.size() / kEach + 1;
  return chunks * (heap_block(kEach * sizeof(T)) + 2 * sizeof(T*));
}

/// A node of a map: three pointers and a colour before the value.
template <typename Map>
constexpr std::size_t map_node_size() noexcept {
  return heap_block(32 + sizeof(typename Map::value_type));
}

}  // namespace prot::memory
