#include "symbol_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

namespace prot::web {
namespace {

// Where everybody's memory is taken, and nobody's fault lies.
constexpr auto kLibraryFunctions = std::to_array<std::string_view>(
    {"operator new", "malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign", "strdup",
     "__gnu_cxx::", "std::", "boost::", "fmt::", "rapidjson::", "nlohmann::", "void std::", "__libc", "_IO_",
     "tc_"});
constexpr auto kLibraryFiles =
    std::to_array<std::string_view>({"libstdc++", "libc.so", "ld-linux", "libtcmalloc"});
// The machine's libraries, stripped as a rule: what they export next to a place is seldom what is there.
constexpr auto kLibraryFolders = std::to_array<std::string_view>(
    {"/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/local/lib/"});

template <typename List>
bool begins_with_one(std::string_view text, const List& list) {
  return std::any_of(list.begin(), list.end(),
                     [&](std::string_view begin) { return text.starts_with(begin); });
}

std::string file_name(const std::string& module) { return std::filesystem::path(module).filename().string(); }

bool is_library(const std::string& module) {
  return begins_with_one(module, kLibraryFolders) || begins_with_one(file_name(module), kLibraryFiles);
}

bool is_own(const SymbolLine& line) {
  if (!line.place.empty()) return !line.place.starts_with("/usr/");
  return !line.function.empty() && !begins_with_one(line.function, kLibraryFunctions);
}

std::string text_of(const SymbolLine& line) { return line.place.empty() ? line.function : line.place; }

std::string place_text(const HeapFrame& frame) {
  return fmt::format("{}+{:#x}", file_name(frame.module), frame.offset);
}

template <typename Function>
void for_each_stack(const std::vector<StageHeap>& heaps, Function function) {
  for (const StageHeap& heap : heaps)
    for (const StageHeap::Stack& stack : heap.stacks) function(stack.frames);
}

}  // namespace

void SymbolCache::learn(const std::vector<StageHeap>& heaps, Nanos until) {
  forget_other_files(heaps);
  const auto unknown = [&](bool libraries, auto&& wanted) {
    Places places;
    for_each_stack(heaps, [&](const std::vector<HeapFrame>& frames) {
      if (!wanted(frames)) return;
      for (const HeapFrame& frame : frames)
        if (modules_.contains(frame.module) && is_library(frame.module) == libraries &&
            lines_of(frame) == nullptr)
          places[frame.module].insert(frame.offset);
    });
    return places;
  };
  look_up(unknown(false, [](const auto&) { return true; }), until);
  look_up(unknown(true, [&](const auto& frames) { return !own_site(frames); }), until);
  if (kept() > kMostKept) forget_all_but(heaps);
}

void SymbolCache::forget_other_files(const std::vector<StageHeap>& heaps) {
  std::set<std::string> seen;
  for_each_stack(heaps, [&](const std::vector<HeapFrame>& frames) {
    for (const HeapFrame& frame : frames) {
      if (!frame.module.starts_with('/') || !seen.insert(frame.module).second) continue;
      const std::string file = identify_(frame.module);
      const auto known = modules_.find(frame.module);
      if (known != modules_.end() && known->second.file == file) continue;
      modules_.erase(frame.module);
      late_.erase(frame.module);
      if (!file.empty()) modules_[frame.module].file = file;
    }
  });
}

void SymbolCache::look_up(const Places& unknown, Nanos until) {
  const std::set<std::string> were_late = late_;
  for (const bool late : {false, true}) {
    for (const auto& [module, offsets] : unknown) {
      if (were_late.contains(module) != late) continue;
      const Nanos within = until - clock_.now();
      if (within <= 0) return;
      const std::vector<std::uint64_t> list(offsets.begin(), offsets.end());
      Names names = look_(module, list, within);
      names.resize(std::min(names.size(), list.size()));
      for (std::size_t i = 0; i < names.size(); ++i) modules_[module].lines[list[i]] = std::move(names[i]);
      if (names.size() == list.size())
        late_.erase(module);
      else
        late_.insert(module);
    }
  }
}

void SymbolCache::forget_all_but(const std::vector<StageHeap>& heaps) {
  std::map<std::string, Module> wanted;
  for_each_stack(heaps, [&](const std::vector<HeapFrame>& frames) {
    for (const HeapFrame& frame : frames)
      if (const auto found = modules_.find(frame.module); found != modules_.end()) {
        Module& module = wanted[frame.module];
        module.file = found->second.file;
        if (auto lines = found->second.lines.extract(frame.offset); !lines.empty())
          module.lines.insert(std::move(lines));
      }
  });
  modules_ = std::move(wanted);
  std::erase_if(late_, [&](const std::string& module) { return !modules_.contains(module); });
}

std::size_t SymbolCache::kept() const {
  std::size_t count = 0;
  for (const auto& [name, module] : modules_) count += module.lines.size();
  return count;
}

const std::vector<SymbolLine>* SymbolCache::lines_of(const HeapFrame& frame) const {
  const auto module = modules_.find(frame.module);
  if (module == modules_.end()) return nullptr;
  const auto lines = module->second.lines.find(frame.offset);
  return lines == module->second.lines.end() ? nullptr : &lines->second;
}

std::optional<std::string> SymbolCache::own_site(const std::vector<HeapFrame>& frames) const {
  const HeapFrame* nameless = nullptr;
  for (const HeapFrame& frame : frames) {
    if (!frame.module.starts_with('/') || is_library(frame.module)) continue;
    const std::vector<SymbolLine>* const lines = lines_of(frame);
    if (lines != nullptr)
      if (const auto own = std::find_if(lines->begin(), lines->end(), is_own); own != lines->end())
        return text_of(*own);
    const auto has_name = [](const SymbolLine& line) { return !text_of(line).empty(); };
    if (nameless == nullptr && (lines == nullptr || std::none_of(lines->begin(), lines->end(), has_name)))
      nameless = &frame;
  }
  if (nameless == nullptr) return std::nullopt;
  return place_text(*nameless);
}

std::string SymbolCache::site_of(const std::vector<HeapFrame>& frames) const {
  if (frames.empty()) return "?";
  if (std::optional<std::string> own = own_site(frames)) return *own;
  std::string allocator;
  for (const HeapFrame& frame : frames) {
    const std::vector<SymbolLine>* const lines = lines_of(frame);
    if (lines == nullptr) continue;
    for (const SymbolLine& line : *lines) {
      std::string text = text_of(line);
      if (text.empty()) continue;
      if (is_library(frame.module)) text = file_name(frame.module) + ": " + text;
      if (is_own(line) && !begins_with_one(file_name(frame.module), kLibraryFiles)) return text;
      if (allocator.empty()) allocator = text;
    }
  }
  return allocator.empty() ? place_text(frames.front()) : allocator;
}

}  // namespace prot::web
