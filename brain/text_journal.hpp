#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "journal_file.hpp"
#include "tool_round.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// What became of a text message that its client gave an id.
struct TextRecord {
  std::string id;
  wire::ConversationId conversation;
  std::uint64_t user_sequence = 0;
  bool done = false;
  std::string reply;                   // whole, when done
  std::vector<ToolRound> rounds = {};  // of the answer under way: what was called and told
};

/// The newest text messages by their clients' ids. A client that met a restart of brain, or of all of
/// prot, sends its message again: with the same id it becomes the same message (the same sequence, which no
/// other run gives: memory stores it once) and, when it was answered already, gets the same answer; tools
/// that were used for it are not used again. Bounded: the oldest are forgotten. One thread.
class TextJournal {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMaxId = 64;  // bytes

  explicit TextJournal(std::string path) : file_(std::move(path)) {}

  /// Reads what a predecessor left.
  void load();
  /// Null: never seen, or forgotten.
  [[nodiscard]] const TextRecord* find(std::string_view id) const noexcept;
  /// Written before the message is offered to memory.
  void accept(const TextRecord& record);
  void done(std::string_view id, std::string_view reply);
  /// What memory has forgotten: a message that comes again is still known, but not what was said to it.
  void forget(const wire::ConversationId& conversation, std::span<const std::uint64_t> user_sequences);
  void forget_all();
  /// A tool round: when its calls begin, and again with their results.
  void round(std::string_view id, std::size_t number, const ToolRound& round);

 private:
  [[nodiscard]] TextRecord* look_up(std::string_view id) noexcept;
  void read_line(const std::string& text);
  void append(const std::string& line);
  void write_anew();
  [[nodiscard]] static std::string accepted_line(const TextRecord& record);
  [[nodiscard]] static std::string done_line(const TextRecord& record);
  [[nodiscard]] static std::string round_line(const TextRecord& record, std::size_t number);

  JournalFile file_;
  std::deque<TextRecord> records_;
  std::size_t lines_ = 0;  // in the file
};

}  // namespace prot::brain
