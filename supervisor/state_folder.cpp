#include "state_folder.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>

#include "base/error.hpp"
#include "stage/sandbox.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;

constexpr std::string_view kOffTheRecord = "off_the_record";

void move_into(const fs::path& folder, std::string_view name) {
  const fs::path old = folder.parent_path() / name;
  const fs::path place = folder / name;
  std::error_code error;
  if (fs::symlink_status(place, error).type() != fs::file_type::not_found) return;
  if (std::rename(old.c_str(), place.c_str()) != 0 && errno != ENOENT)
    throw errno_error("cannot move " + old.string() + " to " + place.string());
}

}  // namespace

std::vector<std::string> prepare_state(const InstancePaths& paths) {
  std::vector<std::string> warnings;
  const auto attempt = [&](const auto& action) {
    try {
      action();
    } catch (const Error& error) {
      if (std::find(warnings.begin(), warnings.end(), error.what()) == warnings.end())
        warnings.emplace_back(error.what());
    }
  };
  for (const std::string_view stage : {"brain", "memory"})
    for (const fs::path& folder : stage::written_folders(stage, paths))
      attempt([&] { make_private_directory(folder); });
  const fs::path said = paths.state / "said";
  std::error_code error;
  if (fs::exists(paths.state / kOffTheRecord, error)) move_into(said, kOffTheRecord);
  for (const std::string_view name : {"turns.jsonl", "turns.jsonl.1", "chat_history"})
    attempt([&] {
      if (fs::exists(paths.state / name, error)) move_into(said, name);
    });
  return warnings;
}

}  // namespace prot::supervisor
