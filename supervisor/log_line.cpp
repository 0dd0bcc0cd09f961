#include "log_line.hpp"

#include <ctime>

#include "base/crash_handler.hpp"
#include "base/error.hpp"
#include "json/json.hpp"

namespace prot::supervisor {
namespace {

constexpr std::size_t kMostFields = 32;

// "2026-01-31T23:59:59.123456Z"; 0: it is none.
Nanos wall_of(std::string_view text) {
  if (text.size() != 27 || text.back() != 'Z') return 0;
  std::tm utc{};
  const std::string copy(text);
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr || *rest != '.') return 0;
  const std::time_t seconds = ::timegm(&utc);
  if (seconds < 0 || seconds >= INT64_MAX / kSecond) return 0;  // years that no clock of ours has
  return seconds * kSecond + std::strtol(rest + 1, nullptr, 10) * kMicrosecond;
}

}  // namespace

std::optional<LogRecord> parse_log_line(std::string_view line) {
  if (!line.starts_with(R"({"ts":")")) return std::nullopt;
  try {
    const json::Document document = json::parse(line);
    const json::View root = document.root();
    LogRecord record;
    record.wall_ns = wall_of(root.get("ts").as_string());
    record.mono_ns = root.get("mono_ns").as_int();
    const auto level = log_level_of(root.get("level").as_string());
    if (record.wall_ns == 0 || !level || !root.get("msg").is_string()) return std::nullopt;
    record.level = *level;
    record.stage = root.get("stage").as_string();
    record.pid = root.get("pid").as_int();
    record.generation = static_cast<std::uint32_t>(root.get("gen").as_int());
    record.turn = static_cast<std::uint32_t>(root.get("turn").as_int());
    const std::int64_t turn_ms = root.get("turn_ms").as_int(-1);
    if (turn_ms >= 0 && turn_ms <= record.mono_ns / kMillisecond)
      record.turn_began = record.mono_ns - turn_ms * kMillisecond;
    record.message = root.get("msg").as_string();
    const json::View fields = root.get("fields");
    for (std::size_t i = 0; i < fields.size() && i < kMostFields && fields.is_object(); ++i)
      record.fields.push_back(LogField::raw(fields.key_at(i), fields.at(i).to_json()));
    return record;
  } catch (const Error&) {
    return std::nullopt;  // cut off by a death, or not ours: a line like any other
  }
}

LogLevel level_of_foreign(std::string_view line) noexcept {
  const auto has = [&](std::string_view part) { return line.find(part) != std::string_view::npos; };
  // PostgreSQL's answer to whoever is early, our own probe as a rule; what keeps it from starting, other
  // lines say.
  if (has(" FATAL:  the database system is starting up")) return LogLevel::kInfo;
  const bool error = line.starts_with(kCrashMark) || line.starts_with("terminate called ") ||
                     line.starts_with("*** stack smashing") || has(": Assertion `") || has("==ERROR: ") ||
                     has(": runtime error: ") ||                                // sanitizers
                     has(" ERROR:  ") || has(" FATAL:  ") || has(" PANIC:  ");  // PostgreSQL
  return error ? LogLevel::kError : LogLevel::kInfo;
}

}  // namespace prot::supervisor
