#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace prot::web {

/// The newest line of level warn or error near the end of a stage's log; empty: there is none, or no log.
struct LastError {
  std::string at;  // wall clock, as in the log
  std::string level;
  std::string message;
};
[[nodiscard]] LastError last_error(const std::filesystem::path& log_folder, std::string_view stage);

}  // namespace prot::web
