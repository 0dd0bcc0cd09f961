#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "journal_file.hpp"
#include "tool_round.hpp"
#include "wire/memory.hpp"

namespace prot::brain {

/// The tool rounds of the newest turns, by the number of the person's message: memory keeps what was said,
/// and not what tools were asked and told. A restarted brain puts both together again, so that it neither
/// asks twice nor makes up what it was told. Bounded: the oldest are forgotten; another run's are ignored.
/// One thread.
class RoundsJournal {
 public:
  static constexpr std::size_t kMost = 16;                // turns
  static constexpr std::size_t kMostBytes = 512U << 10U;  // of all together

  RoundsJournal(std::string path, std::string run_id) : file_(std::move(path)), run_id_(std::move(run_id)) {}

  /// Reads what a predecessor of the same run left.
  void load();
  /// The turn is over. Nothing without a round.
  void keep(const wire::ConversationId& conversation, std::uint64_t user_sequence,
            const std::vector<ToolRound>& rounds);
  /// What memory has forgotten.
  void forget(const wire::ConversationId& conversation, std::span<const std::uint64_t> user_sequences);
  void forget_all();
  /// Empty: it had none, or they are forgotten.
  [[nodiscard]] std::vector<ToolRound> find(const wire::ConversationId& conversation,
                                            std::uint64_t user_sequence) const;

 private:
  struct Kept {
    wire::ConversationId conversation;
    std::uint64_t user_sequence = 0;
    std::vector<ToolRound> rounds;
    std::string line;
  };
  [[nodiscard]] static std::string line_of(const Kept& kept);
  [[nodiscard]] std::string session_line() const;
  void forget_oldest();
  void write_anew();

  JournalFile file_;
  std::string run_id_;
  std::deque<Kept> kept_;
  std::size_t lines_ = 2 * kMost;  // in the file; so many: the next one writes it anew
};

}  // namespace prot::brain
