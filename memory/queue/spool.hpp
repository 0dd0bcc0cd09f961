#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "queue/turn_record.hpp"

/// Files for the time without a database.
///   spool/memory/TIME.spool  written here: {u32 length, u32 CRC32C, length bytes: one TurnRecord as JSON}*
///   spool/brain/*.frames     written by brain (turns full) and by the supervisor (a dead run's ring):
///                            {u32 length, RecordHeader (48 bytes), payload}*, length = what follows it
/// Both are append-only; a record that is cut short at the end was never accepted and ends a file cleanly.
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
  UniqueFd file_;
  std::uint64_t written_ = 0;
};

/// What a file holds. `bad`: bytes that are neither a record nor a cut-off end; the file is then kept aside.
struct SpoolContent {
  std::vector<TurnRecord> records;
  std::uint64_t skipped = 0;  // frames of other kinds (requests)
  bool bad = false;
  std::string problem;
};

/// Records as a file holds them.
[[nodiscard]] std::string spool_bytes(std::span<const TurnRecord> records);

/// Takes the messages of a kForget record, and their segments, out of the files that wait in `folder`, and
/// returns their texts. The record itself stays or comes: the database must forget too. Nobody may append
/// meanwhile. Throws Error: they are as they were.
std::vector<std::string> forget_in_spool(const std::filesystem::path& folder, const TurnRecord& forget);

/// Files to be replayed, oldest first.
[[nodiscard]] std::vector<std::filesystem::path> spool_files(const std::filesystem::path& folder,
                                                             const std::string& extension);
[[nodiscard]] SpoolContent parse_spool(std::span<const std::byte> bytes);
[[nodiscard]] SpoolContent parse_frames(std::span<const std::byte> bytes);

/// A file that is being replayed, locked (flock) against a second replay or a writer that appends. Brain and
/// supervisor rename whole files into place.
class SpoolFile {
 public:
  /// Opens and locks. Throws Error. `locked()` is false when a writer holds it: come again later.
  explicit SpoolFile(const std::filesystem::path& path);
  [[nodiscard]] bool locked() const noexcept { return locked_; }
  [[nodiscard]] std::vector<std::byte> read() const;
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
