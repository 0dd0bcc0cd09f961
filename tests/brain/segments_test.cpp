#include <doctest/doctest.h>

#include "brain_bench.hpp"

using namespace prot;
using namespace prot::test;

namespace {

/// Of each new segment: does it go on with the sentence of the one before?
std::vector<std::uint32_t> joins(BrainBench& bench) {
  std::vector<std::uint32_t> all;
  ipc::Input& speech = bench.run->from("speech");
  ipc::FrameInfo info;
  std::span<const std::byte> payload;
  while (speech.peek(info, payload) == ipc::TakeResult::kFrame) {
    wire::Segment segment{};
    std::span<const std::byte> tail;
    if (wire::decode(info, payload, segment, tail)) all.push_back(segment.joins);
    speech.release();
  }
  return all;
}

}  // namespace

TEST_CASE("a segment tells the voice whether it goes on with a sentence") {
  BrainBench bench;
  bench.say(1, "Can you?");
  REQUIRE(bench.model->newest() != nullptr);
  bench.model->reply("Well, of course I can, because it is easy. Yes.\n- one\n- two\n```\ncode\n```\nDone.");
  bench.work();
  // "Well, of course I can," "because it is easy." "Yes." "one" "two" "Done."
  CHECK(joins(bench) == std::vector<std::uint32_t>{0, 1, 0, 0, 0, 0});
}
