#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace prot::web {

/// A line of level warn or error of a stage's log.
struct LoggedError {
  std::string at;  // wall clock, as in the log
  std::string level;
  std::string message;
};

inline constexpr std::size_t kMostErrors = 5;

/// The newest ones near the end of its log, newest first; none: there is none there, or no log.
[[nodiscard]] std::vector<LoggedError> last_errors(const std::filesystem::path& log_folder,
                                                   std::string_view stage);

}  // namespace prot::web
