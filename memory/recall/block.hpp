#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "recall/memory_records.hpp"

/// The memory block: what the model reads of memory.
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
  std::uint32_t items = 0;          // quotes, facts and summaries
  std::vector<MessageKey> sources;  // the messages that are quoted, and those that facts come from
  std::vector<std::int64_t> facts;  // that answer the question: their ids in the store
};

/// Tokens of a line of a block, rather too many than too few (token_estimate.cpp);
/// tests/memory/tokens_test.cpp compares it with a real tokenizer.
[[nodiscard]] std::size_t block_tokens(std::string_view line) noexcept;
/// A text as it may stand in a block: one line, no control, invisible or direction marks, no block delimiter,
/// at most `max_bytes`, cut at a word with an ellipsis.
[[nodiscard]] std::string quotable(std::string_view text, std::size_t max_bytes);
/// Four letters for a conversation: what the block calls the source of a quote, a small block by the first
/// two.
[[nodiscard]] std::string source_tag(const wire::ConversationId& conversation);

/// Takes what is worth a line, best first, while it fits, and drops what has been said already. Three forms:
/// compact, when the frame and the dates would be more than the rest; a line with date and source each; and,
/// when there is room (roomy()), facts, then summaries, then quotes by day and conversation, in the order of
/// time. Not thread-safe. Invariants: never above the budget (with its best line alone: above `line`), never
/// part of a line, and the same lines in the same order give the same bytes (the model's prompt cache).
class BlockPacker {
 public:
  struct Line {
    enum class Kind { kFact, kSummary, kQuote };
    Kind kind;
    std::string_view text;
    Nanos at;
    MessageKey source;      // not of a summary
    Role role;              // of a quote
    bool named = false;     // the quote says itself who speaks
    std::int64_t fact = 0;  // its id, when it counts as read
  };

  explicit BlockPacker(RecallBudget budget);
  [[nodiscard]] bool roomy() const noexcept { return form_ == Form::kGrouped; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  /// False: it does not fit (a shorter one may). `limit`: of the block's tokens with this line.
  bool add(const Line& line, std::size_t limit);
  [[nodiscard]] RecallResult result() const;

 private:
  enum class Form { kCompact, kDated, kGrouped };
  struct Entry {
    Line::Kind kind;
    int day;  // of quotes: they stand together by day and conversation
    MessageKey source;
    std::int64_t fact;
    std::string head;
    std::string line;
    [[nodiscard]] bool before(const Entry& other) const;
  };
  [[nodiscard]] Entry entry_of(const Line& line) const;
  [[nodiscard]] std::size_t head_cost(const Entry& entry) const;
  [[nodiscard]] bool said(const std::vector<std::size_t>& words) const;
  [[nodiscard]] std::string_view head() const noexcept;
  [[nodiscard]] std::string_view tail() const noexcept;

  RecallBudget budget_;
  Form form_;
  std::size_t used_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::vector<std::size_t>> said_;  // by line, the hashes of its words, sorted
};

}  // namespace prot::memory
