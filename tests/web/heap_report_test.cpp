// The page /memory from files that no stage wrote: sums and order.
#include "heap_report.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "base/clock.hpp"
#include "json/json.hpp"
#include "symbol_cache.hpp"
#include "tests/support/temp_folder.hpp"

namespace prot::web {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

StageHeap heap(std::string stage, std::vector<StageHeap::Stack> stacks) {
  StageHeap made{
      .stage = std::move(stage), .pid = 7, .current = 10 * kMiB, .peak = 12 * kMiB, .base = 8 * kMiB};
  made.stacks = std::move(stacks);
  return made;
}

/// Offset 2 is a line, 3 a function.
SymbolCache::Names lines_of(const std::string&, const std::vector<std::uint64_t>& offsets, Nanos) {
  SymbolCache::Names names;
  for (const std::uint64_t offset : offsets)
    names.push_back({{offset == 3 ? "prot::hoard()" : "", offset == 2 ? "core/ipc/board.cpp:12" : ""}});
  return names;
}

json::Document page_of(const std::vector<std::string>& stages, const std::vector<StageHeap>& heaps) {
  const FakeClock clock;
  SymbolCache symbols(
      clock, [](const std::string&) { return "a file"; }, lines_of);
  symbols.learn(heaps, kNever);
  return json::parse(heap_page(stages, heaps, symbols));
}

}  // namespace

TEST_CASE("over all stages the sums, of each stage its own") {
  const HeapFrame board{"/opt/prot-brain", 2};
  const HeapFrame hoard{"/opt/prot-stt", 3};
  const json::Document page =
      page_of({"brain", "stt", "tts"},
              {heap("brain", {{3 * kMiB, 3 * kMiB, {board}}}),
               heap("stt", {{kMiB, kMiB, {{"/opt/prot-stt", 2}}}, {6 * kMiB, 5 * kMiB, {hoard}}})});
  CHECK(page.get("current_mb").as_double() == 20);
  CHECK(page.get("peak_mb").as_double() == 24);
  CHECK(page.get("growth_mb").as_double() == 4);
  CHECK_FALSE(page.get("error"));
  const json::View top = page.get("top_allocations");
  REQUIRE(top.size() == 2);
  CHECK(top.at(0).get("file").as_string() == "prot::hoard()");
  CHECK(top.at(0).get("size_kb").as_double() == 6 * 1024);
  CHECK(top.at(0).size() == 2);  // the original's two keys
  CHECK(top.at(1).get("file").as_string() == "core/ipc/board.cpp:12");
  CHECK(top.at(1).get("size_kb").as_double() == 4 * 1024);
  const json::View grown = page.get("top_growth");
  REQUIRE(grown.size() == 1);
  CHECK(grown.at(0).get("growth_kb").as_double() == 1024);
  const json::View stt = page.get("stages").get("stt");
  CHECK(stt.get("growth_mb").as_double() == 2);
  CHECK(stt.get("top_allocations").size() == 2);
  CHECK(page.get("stages").get("brain").get("top_growth").size() == 0);
  CHECK(page.get("stages").get("tts").get("error"));
}

TEST_CASE("twenty places at most, the biggest") {
  std::vector<StageHeap::Stack> stacks;
  for (std::uint64_t i = 1; i <= 30; ++i) stacks.push_back({i * 1024, 0, {{"/opt/prot-brain", 100 + i}}});
  const json::Document page = page_of({"brain"}, {heap("brain", stacks)});
  REQUIRE(page.get("top_allocations").size() == 20);
  CHECK(page.get("top_allocations").at(0).get("size_kb").as_double() == 30);
  CHECK(page.get("top_allocations").at(19).get("size_kb").as_double() == 11);
}

TEST_CASE("without any file there is a reason, and off it is the original's") {
  CHECK(page_of({"brain"}, {}).get("error"));
  CHECK(json::parse(heap_page_off()).get("error").as_string().ends_with("Set PROT_TRACEMALLOC=1"));
  CHECK(json::parse(heap_page_off()).root().size() == 1);
}

TEST_CASE("a stage's file is read, half a one is not") {
  const test::TempFolder folder;
  const auto file = folder.path() / "brain.json";
  CHECK_FALSE(read_stage_heap(file));
  const std::string text = R"({"stage":"brain","pid":12,"at_ns":5,"current":100,"peak":200,"base":50,
    "stacks":[{"bytes":70,"base":20,"frames":[0,16,1,32]},{"bytes":1,"base":-4,"frames":[9,1]}],"modules":["/a","/b"]})";
  std::ofstream(file) << text;
  const auto heap = read_stage_heap(file);
  REQUIRE(heap);
  CHECK(heap->stage == "brain");
  CHECK(heap->pid == 12);
  CHECK(heap->base == 50);
  REQUIRE(heap->stacks.size() == 2);
  CHECK(heap->stacks[0].frames == std::vector<HeapFrame>{{"/a", 16}, {"/b", 32}});
  CHECK(heap->stacks[1].base == 0);
  CHECK(heap->stacks[1].frames == std::vector<HeapFrame>{{"", 1}});
  std::ofstream(file) << text.substr(0, text.size() / 2);
  CHECK_FALSE(read_stage_heap(file));
}

}  // namespace prot::web
