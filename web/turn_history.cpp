#include "turn_history.hpp"

#include <deque>
#include <fstream>

#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::web {
namespace {
constexpr std::streamoff kLookAt = 256 * 1024;  // of the file's end

bool is_turn(const std::string& line) {
  try {
    return json::parse(line).get("type").as_string() == "turn";
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

std::string turn_history(const std::filesystem::path& path, std::size_t most) {
  std::deque<std::string> turns;
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (file) {
    const std::streamoff size = file.tellg();
    const bool whole = size <= kLookAt;
    file.seekg(whole ? 0 : size - kLookAt);
    std::string line;
    if (!whole) std::getline(file, line);  // its beginning is not there
    while (std::getline(file, line)) {
      turns.push_back(line);
      if (turns.size() > most) turns.pop_front();
    }
  }
  std::string array = "[";
  for (const std::string& turn : turns)
    if (is_turn(turn)) array += (array.size() > 1 ? "," : "") + json::parse(turn).root().to_json();
  return array + "]";
}

}  // namespace prot::web
