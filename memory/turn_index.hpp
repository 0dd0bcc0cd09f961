#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memory_records.hpp"
#include "terms.hpp"

namespace prot::memory {

/// BM25 over one kind of terms, of turns alone and of turns with their neighbours. Only turns are stored:
/// what a window (turn twice, neighbours once) holds is added up while searching, so a new turn costs nothing
/// but itself. Not thread-safe.
class TermIndex {
 public:
  void add(std::uint32_t doc, const std::vector<std::string>& terms);
  /// Adds to `scores` (one for each doc) the windows' scores and the turns' own, each divided by its best one
  /// and weighted. `previous`, `next`: neighbours by doc, kNone.
  void search(const std::vector<std::string>& query, const std::vector<std::uint32_t>& previous,
              const std::vector<std::uint32_t>& next, double window_weight, double own_weight,
              std::vector<double>& scores) const;
  /// Share of the query, by weight of its terms, that is among `terms`: 0 to 1.
  [[nodiscard]] double coverage(const std::vector<std::string>& query,
                                const std::vector<const std::vector<std::string>*>& terms) const;
  static constexpr std::uint32_t kNone = UINT32_MAX;

 private:
  struct Posting {
    std::uint32_t doc;
    std::uint32_t count;
  };
  std::unordered_map<std::string, std::vector<Posting>> postings_;
  std::vector<std::uint32_t> lengths_;  // by doc
  std::uint64_t total_ = 0;
};

/// Every finished message, found by what it says. In process, since at this size that is faster than asking
/// the database; rebuilt from it at start. Not thread-safe (the loop's thread).
/// Invariant: a message is in it once, however often it is put.
class TurnIndex {
 public:
  struct Turn {
    Message message;
    Terms terms;
    bool question = false;
    bool about_self = false;  // the user tells about themselves
  };
  struct Hit {
    std::uint32_t doc;
    double score;     // 0 to 1, relative to the best window of this search
    double coverage;  // how much of the question it and its neighbours hold, 0 to 1
  };

  /// False: known already, or nothing to find in it.
  bool put(const Message& message);
  /// Best first, at most `limit`; only turns that `allowed`.
  [[nodiscard]] std::vector<Hit> search(const Terms& query, std::size_t limit,
                                        const std::function<bool(const Turn&)>& allowed) const;
  [[nodiscard]] const Turn& turn(std::uint32_t doc) const { return turns_[doc]; }
  [[nodiscard]] std::size_t size() const noexcept { return turns_.size(); }
  /// Sequence of the n-th newest message of a conversation; 0 when it has fewer.
  [[nodiscard]] std::uint64_t nth_newest(const wire::ConversationId& conversation, std::size_t n) const;
  /// The newest `limit` messages of a conversation, oldest first.
  [[nodiscard]] std::vector<Message> conversation(const wire::ConversationId& id, std::size_t limit) const;
  /// The newest that the user told about themselves, newest first.
  [[nodiscard]] std::vector<std::uint32_t> newest_statements(
      std::size_t limit, const std::function<bool(const Turn&)>& allowed) const;

 private:
  [[nodiscard]] double coverage(const Terms& query, std::uint32_t doc) const;

  using ConversationKey = std::pair<std::uint64_t, std::uint64_t>;
  std::vector<Turn> turns_;
  std::vector<std::uint32_t> previous_;
  std::vector<std::uint32_t> next_;
  std::map<ConversationKey, std::map<std::uint64_t, std::uint32_t>> conversations_;
  TermIndex words_;
  TermIndex grams_;
};

}  // namespace prot::memory
