// The page /memory from files that no stage wrote: sums, order, and who is named.
#include "heap_report.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "json/json.hpp"
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

/// Offset n stands for these lines.
SymbolCache::Names lines_of(const std::string& module, const std::vector<std::uint64_t>& offsets) {
  CHECK(module.starts_with('/'));
  SymbolCache::Names names;
  for (const std::uint64_t offset : offsets) switch (offset) {
      case 1:
        names.push_back({{"operator new(unsigned long)", ""}});
        break;
      case 2:
        names.push_back(
            {{"std::vector<int>::reserve(unsigned long)", "/usr/include/c++/12/bits/vector.tcc:70"},
             {"prot::keep()", "core/ipc/board.cpp:12"}});
        break;
      case 3:
        names.push_back({{"prot::hoard()", ""}});
        break;
      case 4:
        names.push_back({{"std::string::reserve(unsigned long)", ""}});
        break;
      default:
        names.emplace_back();
    }
  return names;
}

json::Document page_of(const std::vector<std::string>& stages, const std::vector<StageHeap>& heaps) {
  SymbolCache symbols(lines_of);
  symbols.learn(heaps);
  return json::parse(heap_page(stages, heaps, symbols));
}

}  // namespace

TEST_CASE("the place is the innermost line of our own: a line, else a function, else an offset") {
  SymbolCache symbols(lines_of);
  const std::string program = "/opt/prot-brain";
  const std::vector<HeapFrame> inlined = {
      {"/lib/libstdc++.so.6", 3}, {program, 1}, {program, 2}, {program, 3}};
  const std::vector<HeapFrame> plain = {{program, 1}, {program, 3}};
  const std::vector<HeapFrame> library = {{program, 4}, {program, 9}};
  const std::vector<HeapFrame> nameless = {{program, 0x99}, {"", 1}};
  symbols.learn({heap("brain", {{1, 1, inlined}, {1, 1, plain}, {1, 1, library}, {1, 1, nameless}})});
  CHECK(symbols.site_of(inlined) == "core/ipc/board.cpp:12");
  CHECK(symbols.site_of(plain) == "prot::hoard()");
  CHECK(symbols.site_of(library) == "std::string::reserve(unsigned long)");
  CHECK(symbols.site_of(nameless) == "prot-brain+0x99");
  CHECK(symbols.site_of({}) == "?");
}

TEST_CASE("each place is looked up once") {
  int asked = 0;
  SymbolCache symbols([&asked](const std::string&, const std::vector<std::uint64_t>& offsets) {
    asked += static_cast<int>(offsets.size());
    return SymbolCache::Names(offsets.size());
  });
  for (int i = 0; i < 3; ++i)
    symbols.learn({heap("brain", {{1, 1, {{"/a", 1}, {"/a", 2}}}, {1, 1, {{"/a", 1}}}})});
  CHECK(asked == 2);
}

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
