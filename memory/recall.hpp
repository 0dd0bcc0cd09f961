#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory_records.hpp"
#include "turn_index.hpp"

namespace prot::memory {

/// How many tokens a block may have. Converts from a number.
struct RecallBudget {
  RecallBudget(std::size_t all, std::size_t best = 0) : tokens(all), line(best) {}  // NOLINT(*explicit*)
  std::size_t tokens;
  std::size_t line;  // of the block when it is the best line alone, if that is more
};

/// The memory block of one moment.
struct RecallResult {
  std::string block;  // UTF-8; empty: nothing is known
  std::uint32_t tokens = 0;
  std::uint32_t items = 0;  // lines
};

/// Tokens of a line of a block, rather too many than too few: text::estimate_tokens, and each digit one.
[[nodiscard]] std::size_t block_tokens(std::string_view line) noexcept;
/// A text as it may stand in a block: one line, no control, invisible or direction marks, no block delimiter,
/// at most `max_bytes`, cut at a word with an ellipsis.
[[nodiscard]] std::string quotable(std::string_view text, std::size_t max_bytes);

/// Chooses what is worth saying to the model about a question, from turns and facts, and packs it.
/// Not thread-safe (the loop's thread); no I/O: a few milliseconds at ten thousands of turns.
/// Invariants: a block is never above its budget (with its best line alone: above `line`), never has part of
/// a line, and the same knowledge and question give the same bytes (the model's prompt cache). Where the
/// frame and the dates would be more than the rest, it is compact.
class Recall {
 public:
  /// For that many bytes of messages; facts come on top.
  explicit Recall(std::size_t max_bytes = kMaxBytes) : index_(max_bytes) {}

  /// False: known already.
  bool put(const Message& message) { return index_.put(message); }
  void set_facts(std::vector<Fact> facts);

  /// What concerns `query`; then, when it is about the user, up to half the budget of general knowledge.
  /// Turns of `conversation` that its history holds anyway are left out. `older`: messages that are not in
  /// the index any more.
  [[nodiscard]] RecallResult answer(std::string_view query, const wire::ConversationId& conversation,
                                    RecallBudget budget, std::span<const Message> older = {}) const;
  /// Without a question: the newest facts and statements.
  [[nodiscard]] RecallResult profile(std::size_t max_tokens) const;

  /// The newest `limit` finished messages of a conversation, oldest first.
  [[nodiscard]] std::vector<Message> history(const wire::ConversationId& conversation,
                                             std::size_t limit) const {
    return index_.conversation(conversation, limit);
  }
  [[nodiscard]] std::size_t turns() const noexcept { return index_.size(); }
  [[nodiscard]] std::size_t facts() const noexcept { return facts_.size(); }
  [[nodiscard]] const TurnIndex& index() const noexcept { return index_; }

  static constexpr std::size_t kMaxBytes = 64U << 20U;

 private:
  struct KnownFact {
    std::string statement;
    Nanos valid_from;
    MessageKey source;
    bool of_user;
  };
  class Packer;
  /// By fact: how much of the question it has, 0 to 1.
  [[nodiscard]] std::vector<double> fact_scores(const Terms& query) const;
  void add_profile(Packer& packer, const wire::ConversationId& conversation, std::size_t limit) const;
  [[nodiscard]] bool in_history(const MessageKey& key, const wire::ConversationId& conversation) const;

  TurnIndex index_;
  std::vector<KnownFact> facts_;  // newest first
  TermIndex fact_words_{0};
  TermIndex fact_grams_{1};
};

}  // namespace prot::memory
