#include "log_store.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "log_line.hpp"

namespace prot::supervisor {
namespace fs = std::filesystem;

LogStore::LogStore(fs::path folder, const Clock& clock) : folder_(std::move(folder)), clock_(&clock) {
  book("supervisor").pid = ::getpid();
}

LogStore::Book& LogStore::book(const std::string& program) {
  const auto found = books_.find(program);
  if (found != books_.end()) return found->second;
  return books_.emplace(program, Book(folder_ / (program + ".log"))).first->second;
}

void LogStore::set_process(const std::string& program, pid_t pid, std::uint32_t generation) {
  Book& of = book(program);
  if (of.generation != generation) end_output(program);
  of.generation = generation;
  of.pid = pid;
}

void LogStore::append(const std::string& program, std::string_view bytes) {
  Book& of = book(program);
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, newline);
    of.partial.append(piece.substr(0, kLongestLogLine - std::min(kLongestLogLine, of.partial.size())));
    if (newline == std::string_view::npos) return;
    bytes.remove_prefix(newline + 1);
    take_line(program, std::exchange(of.partial, {}));
  }
}

void LogStore::end_output(const std::string& program) {
  Book& of = book(program);
  if (!of.partial.empty()) take_line(program, std::exchange(of.partial, {}));
}

LogRecord LogStore::record_of(const std::string& program, const Book& of, std::string_view text) const {
  LogRecord record;
  record.wall_ns = wall_now();
  record.mono_ns = clock_->now();
  record.stage = program;
  record.pid = of.pid;
  record.generation = of.generation;
  record.message = text;
  return record;
}

bool LogStore::within_rate(const std::string& program, Book& of) {
  const Nanos now = clock_->now();
  if (now - of.second >= kSecond) {
    of.second = now;
    of.lines_in_second = 0;
    if (of.dropped > 0) {
      LogRecord record = record_of(program, of, fmt::format("{} lines dropped: too many", of.dropped));
      record.level = LogLevel::kWarn;
      of.dropped = 0;
      keep(of, record);
    }
  }
  if (++of.lines_in_second <= kLinesPerSecond) return true;
  ++of.dropped;
  return false;
}

void LogStore::take_line(const std::string& program, std::string_view line) {
  Book& of = book(program);
  if (!within_rate(program, of)) return;
  const std::string text = without_secrets(std::string(line));
  if (std::optional<LogRecord> ours = parse_log_line(text)) {
    ours->stage = program;  // what only we know for sure
    ours->pid = of.pid;
    ours->generation = of.generation;
    return keep(of, *ours);
  }
  LogRecord record = record_of(program, of, text);
  record.level = level_of_foreign(text);
  keep(of, record);
}

void LogStore::append_line(const std::string& program, std::string_view message, LogLevel level) {
  Book& of = book(program);
  if (!within_rate(program, of)) return;
  LogRecord record = record_of(program, of, without_secrets(std::string(message)));
  record.level = level;
  keep(of, record);
}

void LogStore::append(const LogRecord& record) {
  Book& of = book(record.stage);
  if (within_rate(record.stage, of)) keep(of, record);
}

void LogStore::keep(Book& of, const LogRecord& record) {
  of.lines.push_back({next_number_++, record.mono_ns, to_json(record)});
  of.bytes += of.lines.back().json.size();
  of.last_message = record.message;
  if (follower_) follower_(record, of.lines.back().json);
  write_file(of);
  while (of.bytes > kRingBytes && of.lines.size() > 1) {
    if (of.lines.front().number > of.filed) ++unfiled_;
    of.bytes -= of.lines.front().json.size();
    of.lines.pop_front();
  }
}

// What is not in the file yet: the new line, and more when the file could not be written for a while.
void LogStore::write_file(Book& of) {
  std::size_t first = of.lines.size();
  while (first > 0 && of.lines[first - 1].number > of.filed) --first;
  int error = 0;
  for (std::size_t i = first; i < of.lines.size() && error == 0; ++i) {
    error = of.file.write(of.lines[i].json + "\n", clock_->now());
    if (error == 0) of.filed = of.lines[i].number;
  }
  const bool was_broken = std::exchange(of.broken, error != 0);
  if (was_broken == of.broken) return;
  if (of.broken) {
    if (broken_files_++ == 0)
      say(fmt::format("log file {}: {}; lines stay in memory and are written when that is possible again",
                      of.file.path().string(), std::strerror(error)),
          LogLevel::kWarn);
  } else if (--broken_files_ == 0) {
    say(fmt::format("log files are written again; {} lines are missing in them", std::exchange(unfiled_, 0)),
        LogLevel::kInfo);
  }
}

void LogStore::retry() {
  if (broken_files_ == 0) return;
  for (auto& [program, of] : books_)
    if (of.broken) write_file(of);
}

void LogStore::say(const std::string& message, LogLevel level) {
  Book& own = book("supervisor");
  LogRecord record = record_of("supervisor", own, message);
  record.level = level;
  keep(own, record);
}

std::vector<std::string> LogStore::tail(const std::string& program, std::size_t count) const {
  std::vector<const Line*> found;
  for (const auto& [name, of] : books_) {
    if (!program.empty() && name != program) continue;
    for (const Line& line : of.lines) found.push_back(&line);
  }
  std::sort(found.begin(), found.end(), [](const Line* a, const Line* b) {
    return a->mono_ns != b->mono_ns ? a->mono_ns < b->mono_ns : a->number < b->number;
  });
  std::vector<std::string> lines;
  for (std::size_t i = found.size() - std::min(count, found.size()); i < found.size(); ++i)
    lines.push_back(found[i]->json);
  return lines;
}

std::string LogStore::last_line(const std::string& program) const {
  const auto of = books_.find(program);
  return of == books_.end() ? std::string() : of->second.last_message;
}

std::vector<std::string> LogStore::lines_until(const std::string& program, std::uint64_t number) const {
  std::vector<std::string> lines;
  const auto of = books_.find(program);
  if (of == books_.end()) return lines;
  for (const Line& line : of->second.lines)
    if (line.number <= number) lines.push_back(line.json);
  return lines;
}

}  // namespace prot::supervisor
