#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "recall/memory_records.hpp"
#include "recall/speakers.hpp"
#include "recall/term_index.hpp"
#include "recall/terms.hpp"

namespace prot::memory {

/// Finished messages, found by what they say: all, or the newest that fit into its bytes. In process, since
/// at this size that is faster than asking the database; rebuilt from it at start. Not thread-safe (the
/// loop's thread). Invariants: a message is in it once, however often it is put; bytes() is never above the
/// limit, but for a single message that is larger alone.
class TurnIndex {
 public:
  /// A view of a message: until the next put().
  struct Turn {
    MessageKey key;
    Role role;
    Nanos at_ns;
    std::string_view text;
    bool question;
    bool about_self;  // the user tells about themselves
    bool named;       // the text says who speaks
  };
  struct Hit {
    std::uint32_t doc;
    double score;     // 0 to about 1, relative to the best of this search
    double coverage;  // how much of the question it and its neighbours hold, 0 to 1
  };
  /// What somebody else (an embedder, a fact) has to say for a message: added to its score.
  struct Vote {
    MessageKey key;
    double score;
  };
  using Allowed = std::function<bool(const Turn&)>;

  explicit TurnIndex(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False: known already, or nothing to find in it. The oldest that were put go when it is full.
  bool put(const Message& message);
  /// Nothing finds it any more, and its text is gone; false: it is not there.
  bool forget(const MessageKey& key);
  /// Best first, at most `limit`; only turns that `allowed`. `times`: what was said then is meant.
  [[nodiscard]] std::vector<Hit> search(const Query& query, std::size_t limit, const Allowed& allowed,
                                        std::span<const Vote> votes = {},
                                        std::span<const TimeSpan> times = {}) const;
  [[nodiscard]] Turn turn(std::uint32_t doc) const;
  [[nodiscard]] std::size_t size() const noexcept { return turns_.size(); }
  /// Messages that were in it and had to go.
  [[nodiscard]] std::uint64_t evicted() const noexcept { return places_.first(); }
  /// When its oldest was said; 0 when it is empty.
  [[nodiscard]] Nanos oldest() const noexcept { return turns_.empty() ? 0 : turns_.front().at_ns; }
  /// When its newest was.
  [[nodiscard]] Nanos newest() const noexcept { return newest_; }
  /// Who speaks in it, as query_of() wants them.
  [[nodiscard]] std::vector<std::string> speakers() const { return speakers_.names(size()); }
  /// What is left of the weight of a message that is so much older than the newest.
  [[nodiscard]] static double freshness(Nanos age, bool about_self) noexcept;
  /// What it takes from the heap.
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// Sequence of the n-th newest message of a conversation; 0 when it has fewer.
  [[nodiscard]] std::uint64_t nth_newest(const wire::ConversationId& conversation, std::size_t n) const;
  /// The newest `limit` messages of a conversation, oldest first.
  [[nodiscard]] std::vector<Message> conversation(const wire::ConversationId& id, std::size_t limit) const;
  /// The newest that the user told about themselves, newest first.
  [[nodiscard]] std::vector<std::uint32_t> newest_statements(std::size_t limit, const Allowed& allowed) const;

 private:
  using ConversationKey = std::pair<std::uint64_t, std::uint64_t>;
  using Conversations = std::map<ConversationKey, std::vector<std::uint32_t>>;  // docs, by sequence
  struct StoredTurn {
    Conversations::value_type* conversation;
    std::uint64_t sequence;
    Nanos at_ns;
    std::unique_ptr<char[]> text;
    std::uint32_t text_size;
    bool by_user : 1;
    bool by_text : 1;
    bool interrupted : 1;
    bool question : 1;
    bool about_self : 1;
    bool tells_time : 1;
    bool tells_number : 1;
    std::uint16_t speaker;  // of speakers_
  };
  class Scorer;

  [[nodiscard]] const StoredTurn& stored(std::uint32_t doc) const { return turns_[doc - places_.first()]; }
  /// Where a message of that sequence is, or would be.
  [[nodiscard]] std::size_t position(const std::vector<std::uint32_t>& docs, std::uint64_t sequence) const;
  [[nodiscard]] std::uint32_t find(const MessageKey& key) const;
  void store(const Message& message, Conversations::value_type& conversation, const Terms& terms);
  /// The session that a message belongs to which will stand at `at`.
  [[nodiscard]] std::uint32_t session_at(const std::vector<std::uint32_t>& docs, std::size_t at, Nanos time);
  void join(std::uint32_t doc, std::vector<std::uint32_t>& docs, std::size_t at);
  void evict(std::size_t count);

  std::size_t max_bytes_;
  std::deque<StoredTurn> turns_;  // from places_.first() on
  Places places_;
  Conversations conversations_;
  TermIndex words_{0};
  TermIndex grams_{1};
  // Of search(), kept: to ask the kernel for them each time takes longer than the search.
  mutable TermIndex::Matches found_words_;
  mutable TermIndex::Matches found_grams_;
  Speakers speakers_;
  Nanos newest_ = 0;
  std::size_t text_bytes_ = 0;
  std::size_t conversation_bytes_ = 0;
};

}  // namespace prot::memory
