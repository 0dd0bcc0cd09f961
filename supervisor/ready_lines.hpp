#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace prot::supervisor {

/// What a process says on its readiness descriptor, put together to lines. A process that floods is not
/// listened to: of a second 64 lines count, and READY=1 wherever it stands. Pure.
class ReadyLines {
 public:
  static constexpr std::string_view kReady = "READY=1";
  static constexpr std::size_t kLongest = 4096;  // bytes without an end
  static constexpr unsigned kMostPerSecond = 64;

  /// The lines that `bytes` end, without their ends.
  [[nodiscard]] std::vector<std::string> take(std::string_view bytes, Nanos now) {
    partial_ += bytes;
    if (now - second_ >= kSecond) {
      second_ = now;
      in_second_ = 0;
    }
    std::vector<std::string> lines;
    for (std::size_t end = 0; (end = partial_.find('\n')) != std::string::npos; partial_.erase(0, end + 1)) {
      const std::string line = partial_.substr(0, end);
      if (line == kReady || ++in_second_ <= kMostPerSecond) lines.push_back(line);
    }
    return lines;
  }
  /// It says something endless: nothing more is to be expected.
  [[nodiscard]] bool is_endless() const noexcept { return partial_.size() > kLongest; }

 private:
  std::string partial_;
  Nanos second_ = 0;
  unsigned in_second_ = 0;
};

}  // namespace prot::supervisor
