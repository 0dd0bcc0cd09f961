#include "stage/heap_sampler.hpp"

#include <dlfcn.h>

#include <cmath>
#include <map>
#include <memory>

#if defined(PROT_HAVE_TCMALLOC)
#include <gperftools/malloc_extension.h>
#endif

namespace prot::stage {

#if defined(PROT_HAVE_TCMALLOC)
namespace {
constexpr std::size_t kUnsampled = 17 << 20;
// One allocation in so many bytes is sampled, on average: what gperftools advises for programs in service.
constexpr const char* kEnvironment[] = {"LD_PRELOAD=libtcmalloc.so.4", "TCMALLOC_SAMPLE_PARAMETER=524288"};
}  // namespace

std::vector<std::string> HeapSampler::environment() {
  return {std::begin(kEnvironment), std::end(kEnvironment)};
}

// By name: the program is not linked with it, so that it has the C library's allocator otherwise.
std::optional<HeapSampler> HeapSampler::find() {
  void* const found = ::dlsym(RTLD_DEFAULT, "_ZN15MallocExtension8instanceEv");
  if (found == nullptr) return std::nullopt;
  const auto instance = reinterpret_cast<MallocExtension* (*)()>(found);
  // The first thread began before the allocator had read how often it is to sample: it looks again, but only
  // when it has asked for that much, which many a stage does in hours.
  ::operator delete(::operator new(kUnsampled));
  return HeapSampler(instance());
}

std::uint64_t HeapSampler::allocated() const {
  std::size_t bytes = 0;
  return allocator_->GetNumericProperty("generic.current_allocated_bytes", &bytes) ? bytes : 0;
}

// Entries of count, size, depth and frames up to a count of 0.
std::vector<HeapStack> HeapSampler::stacks() const {
  int period = 0;
  const std::unique_ptr<void*[]> words(allocator_->ReadStackTraces(&period));
  std::map<std::vector<void*>, double> sums;
  for (void** at = words.get(); at != nullptr && *at != nullptr;) {
    const auto count = static_cast<double>(reinterpret_cast<std::uintptr_t>(at[0]));
    const auto size = static_cast<double>(reinterpret_cast<std::uintptr_t>(at[1]));
    const auto depth = reinterpret_cast<std::uintptr_t>(at[2]);
    // What is small is sampled seldom: each sample stands for those that were not.
    const double chance = period > 0 ? 1 - std::exp(-size / count / period) : 1;
    sums[std::vector<void*>(at + 3, at + 3 + depth)] += chance > 0 ? size / chance : size;
    at += 3 + depth;
  }
  std::vector<HeapStack> stacks;
  stacks.reserve(sums.size());
  for (const auto& [frames, bytes] : sums) stacks.push_back({static_cast<std::uint64_t>(bytes), frames});
  return stacks;
}
#else
std::vector<std::string> HeapSampler::environment() { return {}; }
std::optional<HeapSampler> HeapSampler::find() { return std::nullopt; }
std::uint64_t HeapSampler::allocated() const { return allocator_ != nullptr ? 1 : 0; }
std::vector<HeapStack> HeapSampler::stacks() const { return {}; }
#endif

}  // namespace prot::stage
