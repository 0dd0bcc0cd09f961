#include "stage/llama_program.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/error.hpp"

namespace prot::stage {
namespace {

constexpr int kUsage = 2;

bool is_program(const std::filesystem::path& file) { return ::access(file.c_str(), X_OK) == 0; }

std::string find_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::filesystem::path file = std::filesystem::path(folder) / name;
    if (folder.starts_with('/') && is_program(file)) return file.string();
  }
  return {};
}

}  // namespace

std::string llama_program(const Config& config, const InstancePaths& paths) {
  if (const std::string& configured = config.get_string("llm.program"); !configured.empty()) {
    if (is_program(configured)) return configured;
    throw Error("llm.program = " + configured + " cannot be executed", kUsage);
  }
  const std::filesystem::path installed = paths.cache / "engines/llama/bin/llama-server";
  if (is_program(installed)) return installed.string();
  if (std::string found = find_in_path("llama-server"); !found.empty()) return found;
  throw Error("llama-server is not there: ./run builds it; or set llm.program", kUsage);
}

}  // namespace prot::stage
