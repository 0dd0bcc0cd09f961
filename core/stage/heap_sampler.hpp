#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
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

/// What a process has of its heap.
struct HeapPicture {
  std::uint64_t bytes = 0;             // that it asked for and did not give back
  std::uint64_t padding = 0;           // what allocated() counts besides
  std::vector<HeapStack> stacks = {};  // which together may say more: see share_within()
};

/// Samples say what is likely: what each stands for, at most 1, so that together they say no more than there
/// is.
[[nodiscard]] double share_within(const std::vector<HeapStack>& stacks, std::uint64_t bytes);

/// The allocator that a process has in place of the C library's while its heap is sampled (gperftools'
/// tcmalloc, preloaded). One thread uses it.
class HeapSampler {
 public:
  /// What a process must be started with to have one: "NAME=value". Empty: this build can do without only.
  [[nodiscard]] static std::vector<std::string> environment();
  /// Empty: this process was not started so.
  [[nodiscard]] static std::optional<HeapSampler> find();

  /// Bytes, exactly, with the rest of the pages in which the samples are alone. Quick.
  [[nodiscard]] std::uint64_t allocated() const;
  /// Looks at every sample.
  [[nodiscard]] HeapPicture picture() const;
  /// The start is over. While it lasts, samples are frequent: little is asked for, and much of it stays. A
  /// stage at work asks for memory all the time, and each sample costs: from now on they are as seldom as
  /// gperftools advises. Whoever asked for a rate of his own (TCMALLOC_SAMPLE_PARAMETER) keeps it.
  void settle();

 private:
  struct Sample {
    std::vector<void*> frames;
    std::size_t size;
    friend auto operator<=>(const Sample&, const Sample&) = default;
  };
  explicit HeapSampler(MallocExtension* allocator) : allocator_(allocator) {}
  std::vector<Sample> samples(int& period) const;

  MallocExtension* allocator_;
  std::map<Sample, std::size_t> of_start_;  // how many there were when it was over
};

}  // namespace prot::stage
