#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

/// Files of records that outlive processes and runs (the spools): {u32 length, u32 CRC32C of the body,
/// body}*.
namespace prot::ipc {

inline constexpr std::size_t kMostRecordBytes = 1U << 20U;

/// Puts one record behind `out`. REQUIRES: 1 to kMostRecordBytes bytes.
void append_record(std::string& out, std::span<const std::byte> body);

/// Reads such a file from its beginning, in a few MiB of memory however long it is. Where something stands
/// that is no record, reading goes on at the next one that is: what lies behind a damaged place is not lost
/// with it. An end that was cut off (its writer died) is no damage. One thread.
class RecordReader {
 public:
  /// Bytes from `offset` on, as many as there are, at most the span's: how many. Throws Error.
  using Read = std::function<std::size_t(std::uint64_t offset, std::span<std::byte> into)>;
  explicit RecordReader(Read read) : read_(std::move(read)) {}
  /// Of bytes in memory, which outlive it.
  explicit RecordReader(std::span<const std::byte> bytes);
  /// Of a file, whose descriptor outlives it.
  explicit RecordReader(int fd);

  /// False: there is no more. The body is valid until the next call.
  [[nodiscard]] bool next(std::span<const std::byte>& body);
  /// Bytes that were neither a record nor a cut-off end.
  [[nodiscard]] std::uint64_t damaged() const noexcept { return damaged_; }
  /// Where the first of them stands.
  [[nodiscard]] std::uint64_t damaged_at() const noexcept { return damaged_at_; }

 private:
  enum class Found { kRecord, kNone, kCutOff };
  [[nodiscard]] Found look(std::size_t at, std::span<const std::byte>& body);
  [[nodiscard]] bool fill(std::size_t bytes);
  void skip(std::size_t bytes) noexcept;

  Read read_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;     // of what is unread in it
  std::uint64_t offset_ = 0;  // in the file, of begin_
  bool ended_ = false;        // the file has nothing behind the buffer
  std::uint64_t damaged_ = 0;
  std::uint64_t damaged_at_ = 0;
};

}  // namespace prot::ipc
