#include "base/log_record.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>

#include "base/local_tm.hpp"
#include "base/terminal_words.hpp"
#include "base/utf8.hpp"

namespace prot {
namespace {

constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
constexpr const char* kWords[] = {"DEBUG", "INFO", "WARN", "ERROR"};
constexpr const char* kColours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m"};
constexpr std::string_view kCut = "...";

// Appends `text` escaped, at most `most` bytes of it, never half of a character.
void append_escaped(std::string& out, std::string_view text, std::size_t most) {
  const std::size_t begin = out.size();
  const std::size_t end = begin + most;
  std::size_t cut_at = begin;  // where the mark still fits
  while (!text.empty()) {
    const utf8::Decoded next = utf8::decode(text);
    std::string piece;
    if (!next.valid) {
      utf8::append(piece, utf8::kReplacement);
    } else if (next.code_point == '"' || next.code_point == '\\') {
      piece = {'\\', static_cast<char>(next.code_point)};
    } else if (next.code_point == '\n') {
      piece = "\\n";
    } else if (next.code_point == '\t') {
      piece = "\\t";
    } else if (steers_terminal(next.code_point)) {  // so the files are safe to look at
      piece = fmt::format("\\u{:04x}", static_cast<unsigned>(next.code_point));
    } else {
      piece = text.substr(0, next.length);
    }
    if (out.size() + piece.size() > end) {
      out.resize(cut_at);
      out += kCut;
      return;
    }
    out += piece;
    if (out.size() + kCut.size() <= end) cut_at = out.size();
    text.remove_prefix(next.length);
  }
}

// For people: a text without its quotes where nothing is ambiguous.
std::string plain(const std::string& json) {
  const bool text = json.size() > 2 && json.front() == '"';
  if (!text || json.find_first_of(" \\=|", 1) != std::string::npos) return json;
  return json.substr(1, json.size() - 2);
}

}  // namespace

const char* to_string(LogLevel level) noexcept { return kNames[static_cast<std::size_t>(level) & 3U]; }

std::optional<LogLevel> log_level_of(std::string_view name) noexcept {
  const auto same = [&](std::string_view known) {
    return std::equal(name.begin(), name.end(), known.begin(), known.end(), [](char a, char b) {
      return std::tolower(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
    });
  };
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (same(kNames[i])) return static_cast<LogLevel>(i);
  return same("warning") ? std::optional(LogLevel::kWarn) : std::nullopt;
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  append_escaped(out, text, kLongestLogLine);
  return out += '"';
}

std::string rfc3339(Nanos wall) {
  const std::time_t seconds = wall / kSecond;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, wall % kSecond / kMicrosecond);
}

std::string to_json(const LogRecord& record) {
  std::string out = fmt::format(R"({{"ts":"{}","mono_ns":{},"level":"{}","stage":{},"pid":{},"gen":{})",
                                rfc3339(record.wall_ns), record.mono_ns, to_string(record.level),
                                json_quoted(record.stage.substr(0, 32)), record.pid, record.generation);
  if (record.turn != 0) out += fmt::format(R"(,"turn":{})", record.turn);
  if (record.turn != 0 && record.turn_began != 0)
    out += fmt::format(R"(,"turn_ms":{})", (record.mono_ns - record.turn_began) / kMillisecond);
  std::string fields;
  for (const LogField& field : record.fields)
    fields +=
        fmt::format("{}{}:{}", fields.empty() ? "" : ",", json_quoted(field.key), shown_json(field.json));
  if (fields.size() > kLongestLogLine / 2) fields.clear();
  if (!fields.empty()) fields = R"(,"fields":{)" + fields + "}";
  out += R"(,"msg":")";
  append_escaped(out, record.message, kLongestLogLine - out.size() - fields.size() - 3);
  return out + '"' + fields + '}';
}

std::string to_text(const LogRecord& record, bool colour) {
  const std::tm local = local_tm(record.wall_ns);
  std::string stage = record.stage;
  for (char& c : stage) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  stage = shown_line(stage);
  const auto level = static_cast<std::size_t>(record.level) & 3U;
  std::string tail;
  for (const LogField& field : record.fields) tail += fmt::format(" {}={}", field.key, plain(field.json));
  if (record.turn != 0 && record.turn_began != 0)
    tail += fmt::format(" {:+}ms", (record.mono_ns - record.turn_began) / kMillisecond);
  return fmt::format("{:02}:{:02}:{:02}.{:03} {}{}{} [{}] {}{}{}", local.tm_hour, local.tm_min, local.tm_sec,
                     record.wall_ns % kSecond / kMillisecond, colour ? kColours[level] : "", kWords[level],
                     colour ? "\x1b[0m" : "", stage, shown_line(record.message), tail.empty() ? "" : " |",
                     shown_line(tail));
}

bool wants_colour(int fd) noexcept {
  const char* none = std::getenv("NO_COLOR");
  return ::isatty(fd) == 1 && (none == nullptr || none[0] == '\0');
}

}  // namespace prot
