#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// What the programs print, by line: the newest 64 KiB of each in memory, and a file for each,
/// folder/NAME.log, 5 x 10 MB. A program that floods loses lines, never time: what is over the rate is
/// counted, and the count is a line. Single-threaded. A full disk loses the file, not the memory.
class LogStore {
 public:
  static constexpr std::size_t kRingBytes = 64 * 1024;
  static constexpr std::size_t kLongestLine = 4096;
  static constexpr std::uint64_t kFileBytes = 10ULL * 1024 * 1024;
  static constexpr int kFiles = 5;
  static constexpr unsigned kLinesPerSecond = 2000;

  struct Line {
    std::uint64_t number = 0;  // in order of arrival over all programs
    std::string text;
  };
  using Follower = std::function<void(const std::string& program, const std::string& line)>;

  LogStore(std::filesystem::path folder, const Clock& clock);

  /// Bytes of a program's output, cut anywhere.
  void append(const std::string& program, std::string_view bytes);
  void append_line(const std::string& program, std::string_view line);
  /// The newest `count` lines of one program, or of all by arrival.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> tail(const std::string& program,
                                                                      std::size_t count) const;
  [[nodiscard]] std::string last_line(const std::string& program) const;
  /// Called for every new line. One observer: the control server spreads it.
  void set_follower(Follower follower) { follower_ = std::move(follower); }

 private:
  struct Book {
    std::deque<Line> lines;
    std::size_t bytes = 0;
    std::string partial;
    UniqueFd file;
    std::uint64_t file_size = 0;
    bool file_broken = false;
    Nanos second = 0;  // of the rate
    unsigned lines_in_second = 0;
    std::uint64_t dropped = 0;
  };
  void keep(const std::string& program, Book& book, std::string_view line);
  void write_file(const std::string& program, Book& book, const std::string& line);
  void rotate(const std::string& program, Book& book);

  std::filesystem::path folder_;
  const Clock* clock_;
  std::map<std::string, Book> books_;
  std::uint64_t next_number_ = 1;
  Follower follower_;
};

/// The last `count` lines of a log file; empty when there is none.
[[nodiscard]] std::vector<std::string> tail_of_file(const std::filesystem::path& file, std::size_t count);

}  // namespace prot::supervisor
