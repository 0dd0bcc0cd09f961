#include "heap_report.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "json/json.hpp"
#include "symbol_cache.hpp"

namespace prot::web {
namespace {
namespace fs = std::filesystem;

constexpr std::size_t kShown = 20;
constexpr double kKb = 1024;
constexpr double kMb = kKb * 1024;

double rounded(double value, double unit) { return std::round(value * unit) / unit; }

struct Sum {
  double bytes = 0;
  double growth = 0;
};
using Sites = std::map<std::string, Sum>;
using Ranked = std::vector<std::pair<std::string, double>>;

void add_sites(Sites& sites, const StageHeap& heap, const SymbolCache& symbols) {
  for (const StageHeap::Stack& stack : heap.stacks) {
    Sum& sum = sites[symbols.site_of(stack.frames)];
    sum.bytes += static_cast<double>(stack.bytes);
    sum.growth += static_cast<double>(stack.bytes) - static_cast<double>(stack.base);
  }
}

void write_ranked(json::Writer& out, const char* name, const char* amount, Ranked ranked) {
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  ranked.resize(std::min(ranked.size(), kShown));
  out.key(name).begin_array();
  for (const auto& [site, bytes] : ranked)
    if (bytes > 0)
      out.begin_object().member("file", site).member(amount, rounded(bytes / kKb, 10)).end_object();
  out.end_array();
}

void write_numbers(json::Writer& out, double current, double peak, double base, const Sites& sites) {
  out.member("current_mb", rounded(current / kMb, 100)).member("peak_mb", rounded(peak / kMb, 100));
  out.member("growth_mb", rounded((current - base) / kMb, 100));
  Ranked sizes;
  Ranked growths;
  for (const auto& [site, sum] : sites) {
    sizes.emplace_back(site, sum.bytes);
    growths.emplace_back(site, sum.growth);
  }
  write_ranked(out, "top_allocations", "size_kb", std::move(sizes));
  write_ranked(out, "top_growth", "growth_kb", std::move(growths));
}

}  // namespace

std::optional<StageHeap> read_stage_heap(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  try {
    const json::Document document = json::parse(std::string(std::istreambuf_iterator<char>(in), {}));
    const json::View root = document.root();
    const auto number = [](const json::View& value) {
      return static_cast<std::uint64_t>(std::max<std::int64_t>(value.as_int(), 0));
    };
    StageHeap heap{.stage = std::string(root.get("stage").as_string()),
                   .pid = root.get("pid").as_int(),
                   .current = number(root.get("current")),
                   .peak = number(root.get("peak")),
                   .base = number(root.get("base"))};
    const json::View stacks = root.get("stacks");
    const json::View modules = root.get("modules");
    for (std::size_t i = 0; i < stacks.size(); ++i) {
      const json::View stack = stacks.at(i);
      StageHeap::Stack& made = heap.stacks.emplace_back();
      made.bytes = number(stack.get("bytes"));
      made.base = number(stack.get("base"));
      const json::View frames = stack.get("frames");
      for (std::size_t f = 0; f + 1 < frames.size(); f += 2)
        made.frames.push_back(
            {std::string(modules.at(number(frames.at(f))).as_string()), number(frames.at(f + 1))});
    }
    return heap;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string heap_page(const std::vector<std::string>& stages, const std::vector<StageHeap>& heaps,
                      const SymbolCache& symbols) {
  Sites all;
  double current = 0;
  double peak = 0;
  double base = 0;
  for (const StageHeap& heap : heaps) {
    add_sites(all, heap, symbols);
    current += static_cast<double>(heap.current);
    peak += static_cast<double>(heap.peak);
    base += static_cast<double>(heap.base != 0 ? heap.base : heap.current);
  }
  json::Writer out;
  out.begin_object();
  if (heaps.empty()) out.member("error", "no stage has written a heap profile yet; see: prot logs");
  write_numbers(out, current, peak, base, all);
  out.key("stages").begin_object();
  for (const std::string& stage : stages) {
    out.key(stage).begin_object();
    const auto heap =
        std::find_if(heaps.begin(), heaps.end(), [&](const StageHeap& one) { return one.stage == stage; });
    if (heap == heaps.end()) {
      out.member("error", "no heap profile of its newest process yet");
    } else {
      Sites own;
      add_sites(own, *heap, symbols);
      out.member("pid", heap->pid);
      write_numbers(out, static_cast<double>(heap->current), static_cast<double>(heap->peak),
                    static_cast<double>(heap->base != 0 ? heap->base : heap->current), own);
    }
    out.end_object();
  }
  return out.end_object().end_object().str();
}

std::string heap_page_off() {
  json::Writer out;
  return out.begin_object()
      .member("error", "The heap profile is off. Set PROT_TRACEMALLOC=1")
      .end_object()
      .str();
}

}  // namespace prot::web
