#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recall/block.hpp"
#include "recall/fact_index.hpp"
#include "recall/memory_records.hpp"
#include "recall/turn_index.hpp"

namespace prot::memory {

/// What others know about a question.
struct RecallHints {
  std::span<const Message> older;          // messages that are not in the index any more
  std::span<const TurnIndex::Vote> dense;  // an embedder's (its best: 1) or a reranker's
};

/// Chooses what is worth saying to the model about a question, from turns, facts and summaries, and packs it
/// (BlockPacker). Not thread-safe (the loop's thread); no I/O: a few milliseconds at ten thousands of turns.
/// Invariant: the same knowledge and question give the same bytes (the model's prompt cache).
class Recall {
 public:
  struct Found {
    double score;  // 0 to about 1
    MessageKey source;
    Nanos at;
    std::string text;
    bool fact;
  };

  /// For that many bytes of messages; facts come on top.
  explicit Recall(std::size_t max_bytes = kMaxBytes) : index_(max_bytes) {}

  /// False: known already.
  bool put(const Message& message) { return index_.put(message); }
  /// Those with a valid_to are told as past, below what holds, and never as general knowledge.
  void set_facts(std::vector<Fact> facts) { facts_.set(std::move(facts)); }
  /// What is known of groups of people and things, each a sentence or two.
  void set_summaries(const std::vector<std::string>& summaries);
  /// A message that no block may have any more; its facts go by set_facts(). False: it is not in the index.
  bool forget(const MessageKey& key) { return index_.forget(key); }

  /// What concerns `query`; then, when it is about the user, general knowledge. Turns of `conversation` that
  /// its history holds anyway are left out.
  [[nodiscard]] RecallResult answer(std::string_view query, const wire::ConversationId& conversation,
                                    RecallBudget budget, RecallHints hints = {}) const;
  /// The messages and facts that answer() chooses from when it has room, best first, each message once.
  [[nodiscard]] std::vector<Found> search(std::string_view query, const wire::ConversationId& conversation,
                                          std::size_t limit, RecallHints hints = {}) const;
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
  struct Summary {
    std::string text;
    Terms terms;
  };
  /// A turn or a fact.
  struct Candidate {
    double score;
    std::optional<TurnIndex::Turn> turn;
    const FactIndex::Known* fact;
    [[nodiscard]] const MessageKey& source() const { return turn ? turn->key : fact->source; }
    [[nodiscard]] BlockPacker::Line line() const;
  };
  /// What the running conversation has before its eyes anyway.
  struct History {
    wire::ConversationId conversation;
    std::uint64_t begin;
    [[nodiscard]] bool has(const MessageKey& key) const noexcept {
      return key.conversation == conversation && key.sequence >= begin;
    }
  };
  struct Question;  // what is asked, taken apart
  [[nodiscard]] std::vector<Candidate> candidates(const Question& question, std::size_t limit,
                                                  RecallHints hints) const;
  void add_turns(const Question& question, std::size_t limit, std::span<const TurnIndex::Vote> votes,
                 std::vector<Candidate>& candidates) const;
  void add_older(const Question& question, std::span<const Message> older,
                 std::vector<Candidate>& candidates) const;
  [[nodiscard]] std::vector<const Summary*> relevant_summaries(const Question& question) const;  // best first
  void pack_all(const Question& question, const std::vector<Candidate>& candidates, std::size_t tokens,
                BlockPacker& packer) const;
  void add_profile(BlockPacker& packer, const History& history, std::size_t limit) const;
  [[nodiscard]] History history_of(const wire::ConversationId& conversation) const;
  [[nodiscard]] bool allowed(const Question& question, const TurnIndex::Turn& turn) const;

  TurnIndex index_;
  FactIndex facts_;
  std::vector<Summary> summaries_;
};

}  // namespace prot::memory
