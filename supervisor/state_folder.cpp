#include "state_folder.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "stage/sandbox.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kOffTheRecord = "off_the_record";

bool is_there(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) == 0) return true;
  if (errno != ENOENT) throw errno_error("cannot look at " + file.string());
  return false;
}

// Where the new place is taken (somebody went back to the earlier version) it gets a name of its own, for
// what is forgotten is overwritten in all of that folder.
void move_into(const fs::path& folder, std::string_view name) {
  const fs::path old = folder.parent_path() / name;
  if (!is_there(old)) return;
  fs::path place = folder / name;
  for (int n = 1; is_there(place); ++n) place = folder / fmt::format("{}.earlier-{}", name, n);
  if (std::rename(old.c_str(), place.c_str()) != 0)
    throw errno_error("cannot move " + old.string() + " to " + place.string());
}

template <typename Action>
void attempt(std::vector<std::string>& warnings, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    warnings.emplace_back(error.what());
  }
}

}  // namespace

std::vector<std::string> make_written_folders(std::string_view stage, const InstancePaths& paths) {
  std::vector<std::string> warnings;
  for (const fs::path& folder : stage::written_folders(stage, paths))
    attempt(warnings, [&] { make_private_directory(folder); });
  return warnings;
}

std::vector<std::string> prepare_state(const InstancePaths& paths) {
  std::vector<std::string> warnings;
  for (const std::string_view stage : {"brain", "memory"})
    for (std::string& warning : make_written_folders(stage, paths)) warnings.push_back(std::move(warning));
  std::sort(warnings.begin(), warnings.end());  // two of them write in said
  warnings.erase(std::unique(warnings.begin(), warnings.end()), warnings.end());
  const fs::path said = paths.state / "said";
  move_into(said, kOffTheRecord);
  for (const std::string_view name : {"turns.jsonl", "turns.jsonl.1", "chat_history"})
    attempt(warnings, [&] { move_into(said, name); });
  return warnings;
}

}  // namespace prot::supervisor
