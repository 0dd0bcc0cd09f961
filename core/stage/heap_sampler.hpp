#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

class MallocExtension;

namespace prot::stage {

/// Memory that was taken at one place and not given back, as the samples say.
struct HeapStack {
  std::uint64_t bytes = 0;
  std::vector<void*> frames;  // innermost first
};

/// The allocator that a process has in place of the C library's while its heap is sampled (gperftools'
/// tcmalloc, preloaded). Thread-safe.
class HeapSampler {
 public:
  /// What a process must be started with to have one: "NAME=value". Empty: this build can do without only.
  [[nodiscard]] static std::vector<std::string> environment();
  /// Empty: this process was not started so.
  [[nodiscard]] static std::optional<HeapSampler> find();

  [[nodiscard]] std::uint64_t allocated() const;  // bytes, exactly
  [[nodiscard]] std::vector<HeapStack> stacks() const;

 private:
  explicit HeapSampler(MallocExtension* allocator) : allocator_(allocator) {}
  MallocExtension* allocator_;
};

}  // namespace prot::stage
