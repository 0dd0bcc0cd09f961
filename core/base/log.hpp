#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

namespace prot {

/// debug: for the developer; info: what a user may want to know; warn: it goes on, worse;
/// error: something was lost or does not work.
enum class LogLevel { kDebug, kInfo, kWarn, kError };

/// Sets up logging to stderr for this program: "HH:MM:SS.mmm LEVEL [TOPIC] message". Level from `level`
/// (debug|info|warn|error), else from LOG_LEVEL, else info. Call once, from main.
void init_log(std::string_view topic, std::string_view level = {});
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;
/// One line. Thread-safe. Not RT safe: it allocates and writes.
void log_line(LogLevel level, std::string_view message);

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug))
    log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kInfo))
    log_line(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace prot
