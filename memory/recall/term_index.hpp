#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recall/posting_pool.hpp"
#include "recall/question.hpp"

namespace prot::memory {

/// Where each turn stands: its neighbours, the session that they are in, and how many terms it has. Docs are
/// numbered in the order in which they come; the oldest go first. Not thread-safe.
class Places {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kKinds = 2;  // words, grams
  using Lengths = std::array<std::uint32_t, kKinds>;
  struct Place {
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    std::uint32_t session = kNone;  // none: it was taken out
    Lengths lengths{};
    std::uint32_t for_next = 1;  // how often its terms count beside the next one
  };
  struct Session {
    std::uint32_t docs = 0;
    Lengths lengths{};
  };

  /// The new doc's number. `session`: one with docs, or open_session(). `asks`: what comes next answers it,
  /// and is found by its terms as well as by its own.
  std::uint32_t add(std::uint32_t session, Lengths lengths, bool asks = false);
  /// A number for a session that begins; those of sessions without docs are used again.
  [[nodiscard]] std::uint32_t open_session();
  /// Nothing is found by it any more; its number stays.
  void take_out(std::uint32_t doc);
  /// The neighbours of those that go become each other's.
  void drop_oldest(std::size_t count);
  [[nodiscard]] Place& operator[](std::uint32_t doc) { return places_[doc - first_]; }
  [[nodiscard]] const Place& operator[](std::uint32_t doc) const { return places_[doc - first_]; }
  [[nodiscard]] std::uint32_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint32_t end() const noexcept {
    return first_ + static_cast<std::uint32_t>(places_.size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return places_.capacity(); }
  [[nodiscard]] const std::vector<Session>& sessions() const noexcept { return sessions_; }
  [[nodiscard]] std::size_t open_sessions() const noexcept { return sessions_.size() - free_.size(); }
  /// Average number of terms, at least one; 0 when no doc has any.
  [[nodiscard]] double average(std::size_t kind) const noexcept;
  [[nodiscard]] double session_average(std::size_t kind) const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  void unlink(const Place& place);
  void leave(Place& place);

  std::vector<Place> places_;  // not a deque: a search reads it for every posting
  std::uint32_t first_ = 0;
  std::array<std::uint64_t, kKinds> totals_{};
  std::vector<Session> sessions_;
  std::vector<std::uint32_t> free_;
};

/// BM25 over one kind of terms, of turns alone, of turns with their neighbours, and of sessions. Only turns
/// are stored: what a window (turn twice, neighbours once, one before that asks twice) holds is added up
/// while searching, so a new turn costs nothing but itself. Terms are stored once, their postings packed
/// (PostingPool). Not thread-safe.
class TermIndex {
 public:
  struct Found {
    float window = 0.0F;    // BM25 of the turn with its neighbours
    float own = 0.0F;       // and alone
    float coverage = 0.0F;  // share of the query, by weight of its terms, that the window holds: 0 to 1
    // While searching: of one term, and what the lengths of the two weigh.
    float count = 0.0F;
    float window_norm = 0.0F;
    float own_norm = 0.0F;
  };
  struct Matches {
    std::vector<Found> turns;            // every doc from places.first() on
    std::vector<double> sessions;        // BM25, by session
    std::vector<std::uint32_t> touched;  // while searching: by one term
    Found best;                          // the largest of each
    double best_session = 0.0;
  };

  explicit TermIndex(std::size_t kind) : kind_(kind) {}

  /// `doc` is above all before.
  void add(std::uint32_t doc, std::vector<std::string> terms);
  /// Forgets the docs below `doc`, and the terms that only they had. Walks over everything.
  void drop_below(std::uint32_t doc);
  /// REQUIRES: the terms of `query` are different.
  void search(std::span<const QueryTerm> query, const Places& places, Matches& matches) const;
  /// f(doc, count) for each doc that has the term, in order.
  template <typename F>
  void for_each(std::string_view term, F&& f) const {
    if (const Entry* entry = find(term); entry != nullptr) pool_.for_each(entry->postings, f);
  }
  [[nodiscard]] std::size_t terms() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Entry {
    std::uint32_t begin;  // in texts_
    std::uint32_t size;
    PostingPool::List postings;
  };
  class Search;
  [[nodiscard]] std::string_view text(const Entry& entry) const {
    return std::string_view(texts_).substr(entry.begin, entry.size);
  }
  [[nodiscard]] const Entry* find(std::string_view term) const;
  [[nodiscard]] Entry& entry(std::string_view term);
  [[nodiscard]] std::size_t slot_of(std::string_view term) const;
  void rehash(std::size_t slots);

  std::size_t kind_;
  PostingPool pool_;
  std::deque<Entry> entries_;
  std::string texts_;                 // the terms, one behind the other
  std::vector<std::uint32_t> slots_;  // open addressing: entry, or kNone; a power of two, at most 3/4 full
};

}  // namespace prot::memory
