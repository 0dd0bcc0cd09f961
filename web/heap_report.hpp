#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace prot::web {

/// A place in the file of a program or library.
struct HeapFrame {
  std::string module;
  std::uint64_t offset = 0;
  friend auto operator<=>(const HeapFrame&, const HeapFrame&) = default;
};

/// What a stage wrote of its heap (core/stage/heap_profile.hpp).
struct StageHeap {
  struct Stack {
    std::uint64_t bytes = 0;
    std::uint64_t base = 0;         // when the stage became ready
    std::vector<HeapFrame> frames;  // innermost first
  };
  std::string stage;
  std::int64_t pid = 0;
  std::uint64_t current = 0, peak = 0, base = 0;  // bytes; base: 0 until it was ready
  std::vector<Stack> stacks = {};
};
/// Empty: there is no such file, or no whole one.
[[nodiscard]] std::optional<StageHeap> read_stage_heap(const std::filesystem::path& file);

class SymbolCache;

/// The page /memory: the original's keys over all stages, then the same of each of `stages`.
[[nodiscard]] std::string heap_page(const std::vector<std::string>& stages,
                                    const std::vector<StageHeap>& heaps, const SymbolCache& symbols);
/// When there is nothing to show.
[[nodiscard]] std::string heap_page_off();

}  // namespace prot::web
