// Who is named for the memory of a stack, and what is asked for again.
#include "symbol_cache.hpp"

#include <doctest/doctest.h>

#include "base/clock.hpp"

namespace prot::web {
namespace {

using Frames = std::vector<HeapFrame>;
using Offsets = std::vector<std::uint64_t>;

const std::string kProgram = "/opt/prot-brain";
const std::string kOther = "/opt/prot-capture";
const std::string kLibrary = "/lib/x86_64-linux-gnu/libsamplerate.so.0";

std::vector<StageHeap> heap_of(const std::vector<Frames>& stacks) {
  StageHeap heap{.stage = "brain"};
  for (const Frames& frames : stacks) heap.stacks.push_back({.bytes = 1, .base = 1, .frames = frames});
  return {heap};
}

/// Offset n stands for these lines, in whatever file.
std::vector<SymbolLine> lines_at(std::uint64_t offset) {
  switch (offset) {
    case 1:
      return {{"operator new(unsigned long)", ""}};
    case 2:
      return {{"std::vector<int>::reserve(unsigned long)", "/usr/include/c++/12/bits/vector.tcc:70"},
              {"prot::keep()", "core/ipc/board.cpp:12"}};
    case 3:
      return {{"prot::hoard()", ""}};
    case 4:
      return {{"std::string::reserve(unsigned long)", ""}};
    case 5:
      return {{"src_float_to_int_array", ""}};
    case 6:
      return {{"", ""}};
    default:
      return {};
  }
}

/// Somebody who knows names, on an injected clock.
struct Namer {
  struct Asked {
    std::string module;
    std::size_t offsets;
    Nanos within;
  };
  FakeClock clock;
  std::string file = "first build";
  std::map<std::string, Nanos> takes;  // by module; with no answer when that is too long
  bool answers = true;
  std::vector<Asked> asked;
  SymbolCache cache{clock, [this](const std::string& module) { return module + file; },
                    [this](const std::string& module, const Offsets& offsets, Nanos within) {
                      return look(module, offsets, within);
                    }};

  SymbolCache::Names look(const std::string& module, const Offsets& offsets, Nanos within) {
    CHECK(module.starts_with('/'));
    asked.push_back({module, offsets.size(), within});
    const Nanos took = takes[module];
    clock.advance(std::min(took, within));
    SymbolCache::Names names;
    if (answers && took <= within)
      for (const std::uint64_t offset : offsets) names.push_back(lines_at(offset));
    return names;
  }
  std::string site(const Frames& frames) {
    cache.learn(heap_of({frames}), kNever);
    return cache.site_of(frames);
  }
};

}  // namespace

TEST_CASE("the place is the innermost line of our own: a line, else a function, else an offset") {
  Namer namer;
  CHECK(namer.site({{"/lib/libstdc++.so.6", 3}, {kProgram, 1}, {kProgram, 2}, {kProgram, 3}}) ==
        "core/ipc/board.cpp:12");
  CHECK(namer.site({{kProgram, 1}, {kProgram, 3}}) == "prot::hoard()");
  CHECK(namer.site({{kProgram, 1}, {kProgram, 4}}) == "operator new(unsigned long)");
  CHECK(namer.site({{kProgram, 0x99}, {"", 1}}) == "prot-brain+0x99");
  CHECK(namer.site({}) == "?");
}

TEST_CASE("a library of the machine is named only where nobody of ours is in the stack") {
  Namer namer;
  const Frames ours = {{kLibrary, 5}, {kLibrary, 7}, {kProgram, 4}, {kProgram, 3}};
  CHECK(namer.site(ours) == "prot::hoard()");
  CHECK(namer.asked.size() == 1);  // and nobody asks it
  CHECK(namer.site({{"/usr/lib/x86_64-linux-gnu/libcrypto.so.3", 5}, {kProgram, 2}}) ==
        "core/ipc/board.cpp:12");
  CHECK(namer.site({{"/usr/lib/libonnxruntime.so", 2}, {kProgram, 3}}) == "prot::hoard()");  // lines or not
  // An engine is not the machine's.
  CHECK(namer.site({{"/home/me/.cache/prot/engines/libonnxruntime.so", 5}, {kProgram, 3}}) ==
        "src_float_to_int_array");
  CHECK(namer.site({{"/lib/libstdc++.so.6", 1}, {kLibrary, 1}, {kLibrary, 5}, {"/lib/libc.so.6", 9}}) ==
        "libsamplerate.so.0: src_float_to_int_array");
  CHECK(namer.site({{"/lib/libstdc++.so.6", 1}}) == "libstdc++.so.6: operator new(unsigned long)");
  CHECK(namer.site({{kLibrary, 0x99}}) == "libsamplerate.so.0+0x99");
  // Ours without a name is still ours.
  CHECK(namer.site({{kLibrary, 5}, {kProgram, 6}}) == "prot-brain+0x6");
}

TEST_CASE("a frame deep in a stack is found") {
  Namer namer;
  Frames frames(20, {kLibrary, 5});
  frames.push_back({kProgram, 3});
  CHECK(namer.site(frames) == "prot::hoard()");
}

TEST_CASE("what was answered is asked once, though there was no name") {
  Namer namer;
  for (int i = 0; i < 3; ++i) namer.cache.learn(heap_of({{{"/a", 3}, {"/a", 9}}, {{"/a", 3}}}), kNever);
  REQUIRE(namer.asked.size() == 1);
  CHECK(namer.asked[0].offsets == 2);
}

TEST_CASE("what was not answered is asked for again") {
  Namer namer;
  namer.answers = false;
  const Frames frames = {{kProgram, 3}};
  CHECK(namer.site(frames) == "prot-brain+0x3");
  CHECK(namer.cache.kept() == 0);
  namer.answers = true;
  CHECK(namer.site(frames) == "prot::hoard()");
}

TEST_CASE("of half an answer that half is kept") {
  const FakeClock clock;
  std::size_t asked = 0;
  SymbolCache cache(
      clock, [](const std::string&) { return "a file"; },
      [&](const std::string&, const Offsets& offsets, Nanos) {
        asked += offsets.size();
        return SymbolCache::Names{lines_at(offsets.front())};
      });
  const std::vector<StageHeap> heaps = heap_of({{{kProgram, 2}}, {{kProgram, 3}}});
  cache.learn(heaps, kNever);
  CHECK(cache.kept() == 1);
  cache.learn(heaps, kNever);
  CHECK(cache.kept() == 2);
  cache.learn(heaps, kNever);
  CHECK(asked == 3);
}

TEST_CASE("all files together have the one time, and who was late comes last the next time") {
  Namer namer;
  namer.takes[kProgram] = 10 * kSecond;
  const std::vector<StageHeap> heaps = heap_of({{{kProgram, 3}}, {{kOther, 2}}, {{kLibrary, 5}}});
  namer.cache.learn(heaps, namer.clock.now() + 8 * kSecond);
  REQUIRE(namer.asked.size() == 1);  // the time is over
  CHECK(namer.asked[0].within == 8 * kSecond);
  CHECK(namer.cache.site_of({{kProgram, 3}}) == "prot-brain+0x3");
  namer.asked.clear();
  namer.takes[kOther] = kSecond;
  const Nanos until = namer.clock.now() + 8 * kSecond;
  namer.cache.learn(heaps, until);
  REQUIRE(namer.asked.size() == 2);
  CHECK(namer.asked[0].module == kOther);
  CHECK(namer.asked[1].module == kProgram);
  CHECK(namer.asked[1].within == 7 * kSecond);
  CHECK(namer.clock.now() == until);
  CHECK(namer.cache.site_of({{kOther, 2}}) == "core/ipc/board.cpp:12");
  namer.asked.clear();
  namer.cache.learn(heaps, until);
  CHECK(namer.asked.empty());
}

TEST_CASE("a file that was built anew has other names, one that is gone none") {
  Namer namer;
  const Frames frames = {{kProgram, 3}};
  CHECK(namer.site(frames) == "prot::hoard()");
  namer.answers = false;
  namer.file = "second build";
  CHECK(namer.site(frames) == "prot-brain+0x3");
  namer.answers = true;
  CHECK(namer.site(frames) == "prot::hoard()");
  CHECK(namer.asked.size() == 3);

  const FakeClock clock;
  SymbolCache gone(
      clock, [](const std::string&) { return std::string(); },
      [](const std::string&, const Offsets&, Nanos) {
        FAIL("nobody can name it");
        return SymbolCache::Names();
      });
  gone.learn(heap_of({frames}), kNever);
  CHECK(gone.site_of(frames) == "prot-brain+0x3");
}

TEST_CASE("no more is kept than the bound, or than the newest heaps have") {
  Namer namer;
  constexpr std::size_t kPage = SymbolCache::kMostKept / 2;
  for (std::uint64_t page = 0; page < 5; ++page) {
    std::vector<Frames> stacks;
    for (std::uint64_t i = 0; i < kPage; ++i) stacks.push_back({{kProgram, 1000 + page * kPage + i}});
    namer.cache.learn(heap_of(stacks), kNever);
    CHECK(namer.cache.kept() <= SymbolCache::kMostKept);
    CHECK(namer.cache.kept() >= kPage);
  }
}

}  // namespace prot::web
