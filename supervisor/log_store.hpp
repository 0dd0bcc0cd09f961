#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/log_record.hpp"
#include "log_file.hpp"

namespace prot::supervisor {

/// What the programs print, line by line: the newest 64 KiB of each in memory, and a file for each,
/// folder/NAME.log, one JSON object a line (base/log_record.hpp; doc/developer.md). Lines in other words than
/// ours are taken as they come. A program that floods loses lines, never time: what is over the rate is
/// counted, and the count is a line. What cannot be written to its file stays in memory, and is written when
/// that is possible again. Single-threaded.
class LogStore {
 public:
  static constexpr std::size_t kRingBytes = 64 * 1024;
  static constexpr unsigned kLinesPerSecond = 2000;

  using Follower = std::function<void(const LogRecord& record, const std::string& json)>;

  LogStore(std::filesystem::path folder, const Clock& clock);

  /// Whose output it is from now on. What is left of a line before is a line of the old one.
  void set_process(const std::string& program, pid_t pid, std::uint32_t generation);
  /// Bytes of a program's output, cut anywhere.
  void append(const std::string& program, std::string_view bytes);
  /// Its output has ended: a last line may be without its end.
  void end_output(const std::string& program);
  /// A line of the supervisor's own, about `program` or about itself.
  void append_line(const std::string& program, std::string_view message, LogLevel level = LogLevel::kInfo);
  /// A line that is a record already.
  void append(const LogRecord& record);

  /// Now and then: writes what could not be written before.
  void retry();

  /// The newest `count` lines of one program, or of all ("") in the order of time, as JSON.
  [[nodiscard]] std::vector<std::string> tail(const std::string& program, std::size_t count) const;
  /// The message of the newest line.
  [[nodiscard]] std::string last_line(const std::string& program) const;
  /// Number of the newest line of all; with it lines_until() finds those that were there then.
  [[nodiscard]] std::uint64_t newest() const noexcept { return next_number_ - 1; }
  [[nodiscard]] std::vector<std::string> lines_until(const std::string& program, std::uint64_t number) const;
  /// Called for every new line. One observer: the control server spreads it.
  void set_follower(Follower follower) { follower_ = std::move(follower); }

 private:
  struct Line {
    std::uint64_t number = 0;  // in order of arrival over all programs
    Nanos mono_ns = 0;
    std::string json;
  };
  struct Book {
    explicit Book(std::filesystem::path path) : file(std::move(path)) {}
    std::deque<Line> lines;
    std::size_t bytes = 0;
    std::string partial;
    std::string last_message;
    pid_t pid = 0;
    std::uint32_t generation = 0;
    LogFile file;
    std::uint64_t filed = 0;  // number of the newest line in the file
    bool broken = false;
    Nanos second = 0;  // of the rate
    unsigned lines_in_second = 0;
    std::uint64_t dropped = 0;
  };
  [[nodiscard]] Book& book(const std::string& program);
  [[nodiscard]] LogRecord record_of(const std::string& program, const Book& book,
                                    std::string_view text) const;
  [[nodiscard]] bool within_rate(const std::string& program, Book& book);
  void take_line(const std::string& program, std::string_view line);
  void keep(Book& book, const LogRecord& record);
  void write_file(Book& book);
  void say(const std::string& message, LogLevel level);

  std::filesystem::path folder_;
  const Clock* clock_;
  std::map<std::string, Book> books_;
  std::uint64_t next_number_ = 1;
  std::size_t broken_files_ = 0;
  std::uint64_t unfiled_ = 0;  // lines that left the memory without having been in a file
  Follower follower_;
};

}  // namespace prot::supervisor
