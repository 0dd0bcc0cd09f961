#pragma once

#include <string>

namespace prot::brain {

/// Whether what is said may be kept. Off the record outlives this process, the run and the machine's restart:
/// it ends when somebody says so. One thread.
class Record {
 public:
  /// Reads it: it is off while there is a file at `path`.
  explicit Record(std::string path);
  [[nodiscard]] bool off() const noexcept { return off_; }
  /// In force even when it cannot be written down, which is logged.
  void set(bool off);

 private:
  std::string path_;
  bool off_ = false;
};

}  // namespace prot::brain
