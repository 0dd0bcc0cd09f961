#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>

#include "recall/memory_records.hpp"

namespace prot::memory {

/// The conversations as files to read: FOLDER/YYYY-MM-DD.jsonl, a message a line, {"timestamp","role",
/// "content"}, 0600, a file for each day of the time here. What cannot be written is logged once and left
/// out: the database has it. One thread. Invariants: a message that comes again after a crash is not written
/// twice; a line is there whole or not at all.
class ConversationLog {
 public:
  struct Limits {
    int days = 0;                      // older files go; 0: none does
    std::uint64_t bytes = UINT64_MAX;  // of all files: the oldest go; a day has at most as much
  };
  ConversationLog(std::filesystem::path folder, Limits limits)
      : folder_(std::move(folder)), limits_(limits) {}

  void append(std::span<const Message> messages);
  /// Somebody else has written to the files, to take something out: nothing that was read of them counts any
  /// more.
  void read_again() noexcept;

 private:
  void append(const Message& message);
  void open(const std::string& day);
  void drop_old();

  std::filesystem::path folder_;
  Limits limits_;
  std::string day_;                 // whose file is the present one; empty: none
  std::deque<std::string> newest_;  // lines of it
  std::uint64_t total_ = 0;         // bytes of all files
  bool failed_ = false;
};

}  // namespace prot::memory
