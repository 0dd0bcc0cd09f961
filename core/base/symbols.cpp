#include "base/symbols.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string_view>

#include "base/subprocess.hpp"

namespace prot {
namespace {

// "/build/../core/ipc/board.cpp:120 (discriminator 2)": from the source folder on.
std::string short_place(std::string_view place) {
  place = place.substr(0, place.find(" ("));
  if (place.starts_with('?') || place.ends_with(":?") || place.ends_with(":0")) return {};
  const std::size_t up = place.rfind("/../");
  return std::string(up == std::string_view::npos ? place : place.substr(up + 4));
}

}  // namespace

std::vector<std::vector<SymbolLine>> detail::parse_addr2line(const std::string& output) {
  std::vector<std::vector<SymbolLine>> found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0x")) {
      found.emplace_back();
      continue;
    }
    std::string place;
    if (!std::getline(lines, place) || found.empty()) break;
    found.back().push_back({line.starts_with('?') ? std::string() : line, short_place(place)});
  }
  return found;
}

SymbolAnswer ask_symbols(const std::string& module, const std::vector<std::uint64_t>& offsets, Nanos within) {
  std::string input;
  for (const std::uint64_t offset : offsets) input += fmt::format("{:#x}\n", offset);
  const SubprocessResult result =
      run_subprocess({"addr2line", "-a", "-i", "-f", "-C", "-e", module}, input, {.within = within});
  SymbolAnswer answer{.places = detail::parse_addr2line(result.output), .trouble = {}};
  if (result.timed_out)
    answer.trouble = "addr2line took too long";
  else if (result.exit_code != 0)
    answer.trouble = fmt::format("addr2line ended with code {}", result.exit_code);
  else if (answer.places.size() != offsets.size())
    answer.trouble = "addr2line said too little";
  // What it was saying when it ended may have had more lines.
  if (!answer.trouble.empty() && !answer.places.empty()) answer.places.pop_back();
  return answer;
}

std::vector<std::vector<SymbolLine>> symbols_at(const std::string& module,
                                                const std::vector<std::uint64_t>& offsets, Nanos within) {
  std::vector<std::vector<SymbolLine>> found = ask_symbols(module, offsets, within).places;
  found.resize(offsets.size());
  return found;
}

}  // namespace prot
