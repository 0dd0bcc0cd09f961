#pragma once

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace prot {

/// debug: for the developer; info: what a user may want to know; warn: it goes on, worse;
/// error: something was lost or does not work.
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
[[nodiscard]] const char* to_string(LogLevel level) noexcept;
/// "debug", "info", "warn" or "warning", "error", in any case.
[[nodiscard]] std::optional<LogLevel> log_level_of(std::string_view name) noexcept;

/// A JSON string of `text`, with quotes; bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

/// One value beside the message.
struct LogField {
  std::string key;
  std::string json;  // the value as JSON

  LogField(std::string_view name, std::string_view text) : key(name), json(json_quoted(text)) {}
  LogField(std::string_view name, const char* text) : LogField(name, std::string_view(text)) {}
  LogField(std::string_view name, const std::string& text) : LogField(name, std::string_view(text)) {}
  LogField(std::string_view name, bool flag) : key(name), json(flag ? "true" : "false") {}
  template <std::integral T>
  LogField(std::string_view name, T number) : key(name), json(fmt::format("{}", number)) {}
  /// `value` is JSON already.
  static LogField raw(std::string_view name, std::string_view value) {
    LogField field(name, false);
    field.json = value;
    return field;
  }
};

/// One log line.
struct LogRecord {
  Nanos wall_ns = 0;
  Nanos mono_ns = 0;
  LogLevel level = LogLevel::kInfo;
  std::string stage;
  std::int64_t pid = 0;
  std::uint32_t generation = 0;
  std::uint32_t turn = 0;  // the voice turn that is under way; 0: none
  Nanos turn_began = 0;    // its beginning, on the clock of mono_ns; 0: not within a turn
  std::string message;
  std::vector<LogField> fields;
};

/// A line of JSON never has more bytes, its end included: a pipe takes it whole or not at all.
inline constexpr std::size_t kLongestLogLine = 4096;

/// "2026-01-31T23:59:59.123456Z".
[[nodiscard]] std::string rfc3339(Nanos wall);

/// {"ts","mono_ns","level","stage","pid","gen"[,"turn"[,"turn_ms"]],"msg"[,"fields":{...}]}, one line,
/// without its end. What is too long is cut: the message, and if need be the fields are left out.
[[nodiscard]] std::string to_json(const LogRecord& record);

/// "HH:MM:SS.mmm LEVEL [STAGE] message | key=value +ms since the turn began", local time, without its end.
/// Control characters become spaces: a line stays one line, and a terminal is not steered by it.
[[nodiscard]] std::string to_text(const LogRecord& record, bool colour);

/// Whether lines written to `fd` may have colours: a terminal, and no NO_COLOR.
[[nodiscard]] bool wants_colour(int fd) noexcept;

}  // namespace prot
