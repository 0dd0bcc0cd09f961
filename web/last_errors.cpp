#include "last_errors.hpp"

#include <algorithm>
#include <deque>
#include <fstream>

#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::web {
namespace {
constexpr std::streamoff kLookAt = 32 * 1024;  // of the file's end
}

std::vector<LoggedError> last_errors(const std::filesystem::path& log_folder, std::string_view stage) {
  std::ifstream file(log_folder / (std::string(stage) + ".log"), std::ios::binary | std::ios::ate);
  if (!file) return {};
  const std::streamoff size = file.tellg();
  const bool whole = size <= kLookAt;
  file.seekg(whole ? 0 : size - kLookAt);
  std::string line;
  if (!whole) std::getline(file, line);  // its beginning is not there
  std::deque<LoggedError> found;
  while (std::getline(file, line)) {
    if (line.find("\"warn\"") == std::string::npos && line.find("\"error\"") == std::string::npos) continue;
    try {
      const json::Document record = json::parse(line);
      const std::string_view level = record.get("level").as_string();
      if (level != "warn" && level != "error") continue;
      found.push_front({std::string(record.get("ts").as_string()), std::string(level),
                        std::string(record.get("msg").as_string())});
      if (found.size() > kMostErrors) found.pop_back();
    } catch (const Error&) {
      continue;  // half a line: it is being written
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace prot::web
