#include "last_error.hpp"

#include <fstream>

#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::web {
namespace {
constexpr std::streamoff kLookAt = 32 * 1024;  // of the file's end
}

LastError last_error(const std::filesystem::path& log_folder, std::string_view stage) {
  LastError found;
  std::ifstream file(log_folder / (std::string(stage) + ".log"), std::ios::binary | std::ios::ate);
  if (!file) return found;
  const std::streamoff size = file.tellg();
  const bool whole = size <= kLookAt;
  file.seekg(whole ? 0 : size - kLookAt);
  std::string line;
  if (!whole) std::getline(file, line);  // its beginning is not there
  while (std::getline(file, line)) {
    if (line.find("\"warn\"") == std::string::npos && line.find("\"error\"") == std::string::npos) continue;
    try {
      const json::Document record = json::parse(line);
      const std::string_view level = record.get("level").as_string();
      if (level != "warn" && level != "error") continue;
      found = {std::string(record.get("ts").as_string()), std::string(level),
               std::string(record.get("msg").as_string())};
    } catch (const Error&) {
      continue;  // half a line: it is being written
    }
  }
  return found;
}

}  // namespace prot::web
