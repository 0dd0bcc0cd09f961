#pragma once

#include <string>
#include <string_view>

namespace prot::brain {

/// A few lines in the runtime folder that survive the death of the process, not that of the machine. One
/// thread. A write that fails is logged once: the conversation goes on, only a crash would then cost what was
/// not written.
class JournalFile {
 public:
  explicit JournalFile(std::string path) : path_(std::move(path)) {}

  /// By rename, so that a reader meets the old content or the new.
  void replace(const std::string& content);
  /// One line, without its end.
  void append(std::string_view line);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  void failed(const char* what);

  std::string path_;
  bool failed_ = false;
};

}  // namespace prot::brain
