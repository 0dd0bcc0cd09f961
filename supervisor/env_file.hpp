#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prot::supervisor {

struct EnvEntry {
  std::string name;
  std::string value;
  std::size_t line = 0;
};

/// What a .env file says, in its order. An empty path: there is none.
struct EnvFile {
  std::string path;
  std::vector<EnvEntry> entries;
  bool readable_by_others = false;

  /// The last entry of that name, as a shell would have it; null: none.
  [[nodiscard]] const EnvEntry* find(std::string_view name) const noexcept;
};

/// Reads lines NAME=value: comments, `export `, single quotes (as they are), double quotes (\n \t \r \\ \"
/// \$), without quotes up to a # behind a space. No variables are expanded. What is wrong is appended to
/// `errors`, one line each, as "path:line: ...".
[[nodiscard]] std::vector<EnvEntry> parse_env(const std::string& path, std::string_view text,
                                              std::vector<std::string>& errors);

/// Reads `path`; when it is not `required`, one that is not there, or is a folder (a Python environment),
/// counts as empty. Never blocks.
[[nodiscard]] EnvFile read_env_file(const std::string& path, bool required, std::vector<std::string>& errors);

}  // namespace prot::supervisor
