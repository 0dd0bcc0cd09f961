#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log_record.hpp"

/// Log lines of this process. Thread-safe, not RT safe: a line allocates and writes. A line goes to stderr:
/// as text for people, or, where PROT_LOG_FORMAT=json (the supervisor sets it), as one JSON object. The JSON
/// sink never blocks: what the pipe does not take is dropped and counted, and the count is a line.
namespace prot {

/// Sets up logging for this program. Level from `level` (debug|info|warn|error), else from LOG_LEVEL, else
/// info. Call from main; a later call changes topic and level.
void init_log(std::string_view topic, std::string_view level = {});
/// Where lines go, for tests; init_log() decides it by the environment.
void set_log_output(int fd, bool json);

/// The least level that is written from now on.
void set_log_level(LogLevel level) noexcept;
[[nodiscard]] LogLevel log_level() noexcept;
[[nodiscard]] bool log_enabled(LogLevel level) noexcept;

/// Whether what people said, and what was said to them, may be in debug lines (general.log_content).
void set_log_content(bool allowed) noexcept;
[[nodiscard]] bool log_content_enabled() noexcept;

/// Which process of a stage this is; 0: by hand.
void set_log_generation(std::uint32_t generation);
struct LogTurn {
  std::uint32_t turn = 0;
  Nanos began = 0;
};
/// Asked for every line: the voice turn that is under way. Nothing of it is used any more once an empty one
/// was set.
void set_log_turn(std::function<LogTurn()> source);
/// Gets every line instead of stderr, or besides, on the thread that logs. Set before other threads log.
using LogObserver = std::function<void(const LogRecord& record)>;
void set_log_observer(LogObserver observer, bool and_stderr);

/// `secret` is never written: it becomes "***" in every later line. Short ones (below 6 bytes) are ignored.
void hide_in_log(std::string secret);
/// The text without what must be hidden.
[[nodiscard]] std::string without_secrets(std::string text);

/// One line.
void log_line(LogLevel level, std::string_view message, std::vector<LogField> fields = {});

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
/// With values of their own beside the message.
template <typename... Args>
void log_with(LogLevel level, std::initializer_list<LogField> fields, fmt::format_string<Args...> format,
              Args&&... args) {
  if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...), fields);
}
/// What people said or wrote, answers, prompts, bodies: written at debug level, where general.log_content
/// allows it. The only way for content into a log.
template <typename... Args>
void log_content(fmt::format_string<Args...> format, Args&&... args) {
  if (log_content_enabled() && log_enabled(LogLevel::kDebug))
    log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace prot
