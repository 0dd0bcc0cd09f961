#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "queue/database_asks.hpp"

namespace prot::memory {

/// The model's answers that were paid for while the database was away: FOLDER/answers.kept, 0600, records of
/// ipc::RecordReader. They outlive the process, so that nothing is asked twice. One thread.
class AnswerSpool {
 public:
  explicit AnswerSpool(const std::filesystem::path& folder) : path_(folder / "answers.kept") {}

  /// On the disk when it returns. Throws Error: it is not kept.
  void keep(const ask::Finish& finish);
  void keep(const ask::FinishCommunity& finish);

  struct Kept {
    std::vector<ask::Finish> answers;  // their jobs know what a lease needs, and no texts
    std::vector<ask::FinishCommunity> summaries;
  };
  /// In the order in which they came. What cannot be read is left out, with a word in the log.
  [[nodiscard]] Kept read() const;
  /// From now on these are all. Throws Error: it is as it was.
  void replace(const Kept& kept);
  /// All of them are stored.
  void clear() noexcept;

 private:
  void append(const std::string& json) { append_to(path_, json); }
  static void append_to(const std::filesystem::path& path, const std::string& json);

  std::filesystem::path path_;
};

}  // namespace prot::memory
