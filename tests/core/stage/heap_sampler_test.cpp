// What the samples of a heap are taken for, and how many there are: run with the sampling allocator, where
// this build has one, at the rate that prot asks for and at another.
#include "stage/heap_sampler.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

using namespace prot::stage;

namespace {

constexpr std::size_t kPiece = 64;
constexpr std::uint64_t kEarly = 320'000;
constexpr std::uint64_t kLate = 6'400'000;

using Pieces = std::vector<std::unique_ptr<char[]>>;

// Their own functions: each is a stack of its own.
[[gnu::noinline]] void take_early(Pieces& pieces) {
  for (std::size_t i = 0; i < kEarly / kPiece; ++i) pieces.push_back(std::make_unique<char[]>(kPiece));
}
[[gnu::noinline]] void take_late(Pieces& pieces) {
  for (std::size_t i = 0; i < kLate / kPiece; ++i) pieces.push_back(std::make_unique<char[]>(kPiece));
}

std::map<std::vector<void*>, std::uint64_t> by_frames(const HeapPicture& picture) {
  std::map<std::vector<void*>, std::uint64_t> stacks;
  for (const HeapStack& stack : picture.stacks) stacks[stack.frames] = stack.bytes;
  return stacks;
}

std::uint64_t sum_of(const HeapPicture& picture) {
  std::uint64_t sum = 0;
  for (const HeapStack& stack : picture.stacks) sum += stack.bytes;
  return sum;
}

}  // namespace

TEST_CASE("samples that say more than there is share what there is; those that say less are left alone") {
  const std::vector<HeapStack> stacks = {{600, {}}, {200, {}}, {0, {}}};
  CHECK(share_within(stacks, 400) == 0.5);
  CHECK(share_within(stacks, 0) == 0);
  CHECK(share_within(stacks, 800) == 1);
  CHECK(share_within(stacks, 1 << 20) == 1);
  CHECK(share_within({}, 0) == 1);
}

TEST_CASE("little that is taken at the start is seen, and counted exactly; later samples are seldom") {
  std::optional<HeapSampler> sampler = HeapSampler::find();
  if (!sampler) return;  // this build, or this run, has none
  const char* const rate = std::getenv("TCMALLOC_SAMPLE_PARAMETER");
  REQUIRE(rate != nullptr);
  const std::vector<std::string> asked_for = HeapSampler::environment();
  const bool prots_own = asked_for.at(1) == std::string("TCMALLOC_SAMPLE_PARAMETER=") + rate;

  Pieces pieces;
  pieces.reserve((kEarly + kLate) / kPiece);
  const HeapPicture before = sampler->picture();
  take_early(pieces);
  const HeapPicture early = sampler->picture();
  // A sample has a page of its own, which nobody asked for. Between the pictures a little is kept of the
  // first.
  CHECK(early.bytes - before.bytes >= kEarly);
  CHECK(early.bytes - before.bytes < kEarly + kEarly / 10);
  CHECK(early.padding > 0);
  CHECK(sum_of(early) - std::min(sum_of(early), sum_of(before)) > kEarly / 5);  // of 20 samples

  sampler->settle();
  take_late(pieces);
  const HeapPicture late = sampler->picture();
  CHECK(late.bytes - early.bytes >= kLate);
  CHECK(late.bytes - early.bytes < kLate + kLate / 10);
  const auto now = by_frames(late);
  for (const auto& [frames, bytes] : by_frames(early)) {
    REQUIRE(now.contains(frames));
    CHECK(now.at(frames) == bytes);  // it weighs what it did
  }
  const std::uint64_t pages = (late.padding - early.padding) / (8192 - kPiece);
  if (prots_own)
    CHECK(pages < 60);  // 12 of 512 KiB each are likely
  else
    CHECK(pages > kLate / 16384);
}
