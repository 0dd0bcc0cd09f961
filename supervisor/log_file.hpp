#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// One program's log on disk: FILE, FILE.1 (newer) to FILE.4, at most 10 MB each. A line is in it whole or
/// not at all. A file that was removed or moved away is made anew; one that cannot be written is tried again
/// after a second. Single-threaded.
class LogFile {
 public:
  static constexpr std::uint64_t kBytes = 10'000'000;
  static constexpr int kFiles = 5;

  explicit LogFile(std::filesystem::path file) : file_(std::move(file)) {}

  /// `line` with its end. Returns 0, or the errno of what keeps it from being written.
  [[nodiscard]] int write(std::string_view line, Nanos now);
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return file_; }

 private:
  [[nodiscard]] bool is_in_place() const noexcept;
  [[nodiscard]] int open();
  void rotate();
  int fail(int error, Nanos now);

  std::filesystem::path file_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  int error_ = 0;
  Nanos try_again_at_ = 0;
};

/// The newest `count` lines of a log and of the ones before it, oldest first; empty when there are none.
[[nodiscard]] std::vector<std::string> tail_of_log(const std::filesystem::path& file, std::size_t count);

}  // namespace prot::supervisor
