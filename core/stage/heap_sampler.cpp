#include "stage/heap_sampler.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#if defined(PROT_HAVE_TCMALLOC)
#include <gperftools/malloc_extension.h>
#endif

namespace prot::stage {

double share_within(const std::vector<HeapStack>& stacks, std::uint64_t bytes) {
  double said = 0;
  for (const HeapStack& stack : stacks) said += static_cast<double>(stack.bytes);
  return said > static_cast<double>(bytes) ? static_cast<double>(bytes) / said : 1;
}

#if defined(PROT_HAVE_TCMALLOC)
namespace {
constexpr std::size_t kUnsampled = 17 << 20;
constexpr std::size_t kPage = 8192;  // gperftools' own; a sample has whole ones
// One allocation in so many bytes is sampled, on average. What the second costs at work measures
// tests/web/heap_cost.py: the first would be half as much again.
constexpr std::int64_t kAtStart = 16 << 10;
constexpr std::int64_t kAtWork = 512 << 10;
constexpr const char* kPreload = "LD_PRELOAD=libtcmalloc.so.4";
constexpr const char* kRate =
    "_ZN61FLAG__namespace_do_not_use_directly_use_DECLARE_int64_instead31FLAGS_tcmalloc_sample_parameterE";
}  // namespace

std::vector<std::string> HeapSampler::environment() {
  return {kPreload, "TCMALLOC_SAMPLE_PARAMETER=" + std::to_string(kAtStart)};
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

// Entries of count, size, depth and frames up to a count of 0. The count is always 1.
std::vector<HeapSampler::Sample> HeapSampler::samples(int& period) const {
  const std::unique_ptr<void*[]> words(allocator_->ReadStackTraces(&period));
  std::vector<Sample> samples;
  for (void** at = words.get(); at != nullptr && *at != nullptr;) {
    const auto depth = reinterpret_cast<std::uintptr_t>(at[2]);
    samples.push_back({std::vector<void*>(at + 3, at + 3 + depth), reinterpret_cast<std::uintptr_t>(at[1])});
    at += 3 + depth;
  }
  return samples;
}

HeapPicture HeapSampler::picture() const {
  const std::uint64_t counted = allocated();  // before the samples are copied, which takes memory
  int period = 0;
  HeapPicture picture;
  std::map<std::vector<void*>, double> sums;
  auto of_start = of_start_;
  for (Sample& sample : samples(period)) {
    picture.padding += (sample.size + kPage - 1) / kPage * kPage - sample.size;
    const auto early = of_start.find(sample);
    const bool is_early = early != of_start.end() && early->second > 0;
    if (is_early) --early->second;
    // What is small is sampled seldom: each sample stands for those that were not.
    const auto size = static_cast<double>(sample.size);
    const double chance =
        1 - std::exp(-size / static_cast<double>(is_early ? kAtStart : std::max(period, 1)));
    sums[std::move(sample.frames)] += chance > 0 ? size / chance : size;
  }
  picture.bytes = counted - std::min(counted, picture.padding);
  picture.stacks.reserve(sums.size());
  for (const auto& [frames, bytes] : sums)
    picture.stacks.push_back({static_cast<std::uint64_t>(bytes), frames});
  return picture;
}

// By its name, too, and by an option that gperftools reads each time; one without it stays as it is.
void HeapSampler::settle() {
  auto* const rate = static_cast<std::int64_t*>(::dlsym(RTLD_DEFAULT, kRate));
  if (rate == nullptr || std::atomic_ref(*rate).load() != kAtStart) return;
  std::atomic_ref(*rate).store(kAtWork);
  int period = 0;
  for (Sample& sample : samples(period)) ++of_start_[std::move(sample)];
}
#else
std::vector<std::string> HeapSampler::environment() { return {}; }
std::optional<HeapSampler> HeapSampler::find() { return std::nullopt; }
std::uint64_t HeapSampler::allocated() const { return allocator_ != nullptr ? 1 : 0; }
HeapPicture HeapSampler::picture() const { return {}; }
void HeapSampler::settle() {}
#endif

}  // namespace prot::stage
