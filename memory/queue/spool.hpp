#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "ipc/record_file.hpp"
#include "queue/turn_record.hpp"

/// Files for the time without a database.
///   spool/memory/TIME.spool  written here; a record is one TurnRecord as JSON
///   spool/brain/*.frames     written by brain (turns full) and by the supervisor (a dead run's ring); a
///   record
///                            is RecordHeader (48 bytes) and payload
/// Both are ipc::RecordReader's: a record that is cut short at the end was never accepted and ends a file
/// cleanly, a damaged one is stepped over.
namespace prot::memory {

/// Appends records for later. One thread. Invariant: append() returns only when the records are on the disk.
class SpoolWriter {
 public:
  explicit SpoolWriter(std::filesystem::path folder) : folder_(std::move(folder)) {}
  /// Throws Error: disk full, folder not ours, more than kMaxBytes waiting. The records are then not kept.
  void append(std::span<const TurnRecord> records);
  /// The next append begins a new file: the present one is about to be replayed.
  void close_file() noexcept { file_.reset(); }

  static constexpr std::uint64_t kMaxBytes = 256ULL << 20U;

 private:
  void open_file();

  std::filesystem::path folder_;
  std::filesystem::path path_;  // of file_
  UniqueFd file_;
  std::uint64_t written_ = 0;
};

/// Which of the two kinds a file is.
enum class SpoolForm { kSpool, kFrames };
[[nodiscard]] const char* extension_of(SpoolForm form) noexcept;

/// What a file holds, some records at a time: however long it is, it is never in memory as a whole. One
/// thread.
class SpoolReader {
 public:
  SpoolReader(SpoolForm form, ipc::RecordReader records) : form_(form), records_(std::move(records)) {}
  /// At most `most`, in order; empty: that was all.
  [[nodiscard]] std::vector<TurnRecord> next(std::size_t most);
  [[nodiscard]] std::uint64_t skipped() const noexcept {
    return skipped_;
  }  // frames of other kinds (requests)
  /// What could not be read and was stepped over; empty: nothing. The file is then to be kept aside.
  [[nodiscard]] std::string problem() const;

 private:
  SpoolForm form_;
  ipc::RecordReader records_;
  std::uint64_t skipped_ = 0;
  std::uint64_t unreadable_ = 0;  // whole records that make no sense
};

/// Records as a file holds them.
[[nodiscard]] std::string spool_bytes(std::span<const TurnRecord> records);

/// Takes the messages of a kForget record, and their segments, out of the files that wait in `folder`, and
/// returns their texts. What cannot be read goes with them, for it may be them. The record itself stays or
/// comes: the database must forget too. Nobody may append meanwhile. Throws Error: the file is as it was.
std::vector<std::string> forget_in_spool(const std::filesystem::path& folder, SpoolForm form,
                                         const TurnRecord& forget);

/// Files to be replayed, oldest first.
[[nodiscard]] std::vector<std::filesystem::path> spool_files(const std::filesystem::path& folder,
                                                             const std::string& extension);

/// Records that wait there to be replayed. What cannot be read is not counted.
[[nodiscard]] std::uint64_t waiting_records(const std::filesystem::path& folder, SpoolForm form);

/// A file that is being replayed, locked (flock) against a second replay or a writer that appends. Brain and
/// supervisor rename whole files into place.
class SpoolFile {
 public:
  /// Opens and locks. Throws Error. `locked()` is false when a writer holds it: come again later.
  explicit SpoolFile(const std::filesystem::path& path);
  [[nodiscard]] bool locked() const noexcept { return locked_; }
  [[nodiscard]] ipc::RecordReader records() const { return ipc::RecordReader(file_.get()); }
  /// Everything in it is committed: gone for good.
  void remove();
  /// Out of the way, but kept: PATH.bad.
  void set_aside();

 private:
  std::filesystem::path path_;
  UniqueFd file_;
  bool locked_ = false;
};

}  // namespace prot::memory
