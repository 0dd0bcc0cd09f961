#include "recall/term_index.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "recall/heap_size.hpp"

namespace prot::memory {
namespace {

constexpr double kK1 = 1.2;
constexpr double kB = 0.75;
constexpr std::size_t kFirstSlots = 64;

// Among many turns a term that every fourth has says next to nothing and takes most of the time; one that
// the question did not use, if every sixteenth has it.
constexpr std::size_t kMany = 4096;
constexpr std::size_t kCommon = 4;
constexpr std::size_t kCommonAdded = 16;

bool too_common(const QueryTerm& term, std::size_t docs, std::size_t all) {
  return all > kMany && docs * (term.added ? kCommonAdded : kCommon) > all;
}

/// Room for what comes next, at the cost of less than doubling.
std::size_t grown(std::size_t size) { return size + size / 8 + 64; }

/// With its divisions by the average length done once: there is one for each posting.
class Bm25 {
 public:
  explicit Bm25(double average) : slope_(kK1 * kB / average) {}
  [[nodiscard]] double operator()(double count, double length, double idf) const {
    return idf * count * (kK1 + 1) / (count + kK1 * (1 - kB) + slope_ * length);
  }

 private:
  double slope_;
};

double idf(std::size_t docs, std::size_t with) {
  return std::log(1.0 + (static_cast<double>(docs) - static_cast<double>(with) + 0.5) /
                            (static_cast<double>(with) + 0.5));
}

}  // namespace

std::uint32_t Places::open_session() {
  if (free_.empty()) {
    sessions_.emplace_back();
    return static_cast<std::uint32_t>(sessions_.size() - 1);
  }
  const std::uint32_t session = free_.back();
  free_.pop_back();
  return session;
}

std::uint32_t Places::add(std::uint32_t session, Lengths lengths) {
  if (places_.size() == places_.capacity()) places_.reserve(grown(places_.size()));
  places_.push_back({kNone, kNone, session, lengths});
  ++sessions_[session].docs;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    totals_[kind] += lengths[kind];
    sessions_[session].lengths[kind] += lengths[kind];
  }
  return end() - 1;
}

void Places::unlink(const Place& place) {
  if (place.previous != kNone) (*this)[place.previous].next = place.next;
  if (place.next != kNone) (*this)[place.next].previous = place.previous;
}

void Places::leave(Place& place) {
  if (place.session == kNone) return;
  Session& session = sessions_[place.session];
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    totals_[kind] -= place.lengths[kind];
    session.lengths[kind] -= place.lengths[kind];
  }
  if (--session.docs == 0) free_.push_back(place.session);
  place = {};
}

void Places::take_out(std::uint32_t doc) {
  unlink((*this)[doc]);
  leave((*this)[doc]);
}

void Places::drop_oldest(std::size_t count) {
  const auto end = places_.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto place = places_.begin(); place != end; ++place) {
    unlink(*place);
    leave(*place);
  }
  places_.erase(places_.begin(), end);
  first_ += static_cast<std::uint32_t>(count);
}

double Places::average(std::size_t kind) const noexcept {
  if (totals_[kind] == 0) return 0.0;
  return std::max(1.0, static_cast<double>(totals_[kind]) / static_cast<double>(places_.size()));
}

double Places::session_average(std::size_t kind) const noexcept {
  if (totals_[kind] == 0) return 0.0;
  return std::max(1.0, static_cast<double>(totals_[kind]) / static_cast<double>(open_sessions()));
}

std::size_t Places::bytes() const noexcept {
  return heap_block(places_.capacity() * sizeof(Place)) + heap_block(sessions_.capacity() * sizeof(Session)) +
         heap_block(free_.capacity() * sizeof(free_[0]));
}

std::size_t TermIndex::slot_of(std::string_view term) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = std::hash<std::string_view>{}(term)&mask;
  while (slots_[slot] != PostingPool::kNone && text(entries_[slots_[slot]]) != term) slot = (slot + 1) & mask;
  return slot;
}

const TermIndex::Entry* TermIndex::find(std::string_view term) const {
  if (slots_.empty()) return nullptr;
  const std::uint32_t entry = slots_[slot_of(term)];
  return entry == PostingPool::kNone ? nullptr : &entries_[entry];
}

TermIndex::Entry& TermIndex::entry(std::string_view term) {
  if ((entries_.size() + 1) * 4 > slots_.size() * 3) rehash(std::max(kFirstSlots, slots_.size() * 2));
  const std::size_t slot = slot_of(term);
  if (slots_[slot] == PostingPool::kNone) {
    slots_[slot] = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(
        {static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(term.size()), {}});
    texts_ += term;
  }
  return entries_[slots_[slot]];
}

void TermIndex::rehash(std::size_t slots) {
  slots_.assign(slots, PostingPool::kNone);
  slots_.shrink_to_fit();
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(text(entries_[i]))] = i;
}

void TermIndex::add(std::uint32_t doc, std::vector<std::string> terms) {
  std::sort(terms.begin(), terms.end());
  for (auto term = terms.begin(); term != terms.end();) {
    const auto other = std::find_if(term, terms.end(), [&](const std::string& t) { return t != *term; });
    pool_.append(entry(*term).postings, doc, static_cast<std::uint32_t>(other - term));
    term = other;
  }
}

void TermIndex::drop_below(std::uint32_t doc) {
  std::deque<Entry> kept;
  std::string texts;
  for (Entry& entry : entries_) {
    pool_.drop_below(entry.postings, doc);
    if (entry.postings.docs == 0) continue;
    kept.push_back({static_cast<std::uint32_t>(texts.size()), entry.size, entry.postings});
    texts += text(entry);
  }
  texts.shrink_to_fit();
  entries_.swap(kept);
  texts_.swap(texts);  // a move would keep the old, large buffer for a short text
  std::size_t slots = kFirstSlots;
  while (entries_.size() * 4 > slots * 3) slots *= 2;
  rehash(slots);
}

/// One search: a term after the other adds to what is found.
class TermIndex::Search {
 public:
  Search(const TermIndex& index, const Places& places, Matches& matches)
      : index_(index),
        places_(places),
        first_(places.first()),
        found_(matches.turns),
        sessions_(matches.sessions),
        counts_(places.sessions().size()),
        alone_(places.average(index.kind_)),
        together_(4 * places.average(index.kind_)),
        whole_(places.session_average(index.kind_)) {}

  void add(const Entry& entry, double weight) {
    touched_.clear();
    touched_sessions_.clear();
    const double own_idf = weight * idf(places_.size(), entry.postings.docs);
    index_.pool_.for_each(entry.postings, [&](std::uint32_t doc, std::uint32_t count) {
      const Places::Place& place = places_[doc];
      if (place.session == Places::kNone) return;
      found_[doc - first_].own += alone_(count, place.lengths[index_.kind_], own_idf);
      touch(doc, 2 * count);
      touch(place.previous, count);
      touch(place.next, count);
      if (counts_[place.session] == 0) touched_sessions_.push_back(place.session);
      counts_[place.session] += count;
    });
    add_windows(weight, own_idf);
    add_sessions(weight);
  }

 private:
  [[nodiscard]] double length_of(std::uint32_t doc) const {
    return doc == Places::kNone ? 0.0 : double{0} + places_[doc].lengths[index_.kind_];
  }
  void touch(std::uint32_t doc, std::uint32_t count) {
    if (doc == Places::kNone) return;
    float& counted = found_[doc - first_].count;
    if (counted == 0.0F) touched_.push_back(doc);
    counted += static_cast<float>(count);
  }
  void add_windows(double weight, double coverage) {
    const double window_idf = weight * idf(places_.size(), touched_.size());
    for (const std::uint32_t doc : touched_) {
      const Places::Place& place = places_[doc];
      const double length = 2 * length_of(doc) + length_of(place.previous) + length_of(place.next);
      Found& window = found_[doc - first_];
      window.window += together_(window.count, length, window_idf);
      window.coverage += static_cast<float>(coverage);
      window.count = 0.0F;
    }
  }
  void add_sessions(double weight) {
    const double session_idf = weight * idf(places_.open_sessions(), touched_sessions_.size());
    for (const std::uint32_t session : touched_sessions_) {
      const double length = places_.sessions()[session].lengths[index_.kind_];
      sessions_[session] += whole_(std::exchange(counts_[session], 0), length, session_idf);
    }
  }

  const TermIndex& index_;
  const Places& places_;
  const std::uint32_t first_;
  std::vector<Found>& found_;
  std::vector<double>& sessions_;
  std::vector<std::uint32_t> counts_;  // of one term, by session
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> touched_sessions_;
  Bm25 alone_;
  Bm25 together_;
  Bm25 whole_;
};

void TermIndex::search(std::span<const QueryTerm> query, const Places& places, Matches& matches) const {
  std::vector<Found>& found = matches.turns;
  if (found.capacity() < places.size()) found.reserve(grown(places.size()));
  found.assign(places.size(), {});
  matches.sessions.assign(places.sessions().size(), 0.0);
  if (places.average(kind_) == 0.0) return;
  Search search(*this, places, matches);
  double all = 0.0;
  for (const QueryTerm& term : query) {
    const Entry* entry = find(term.text);
    if (entry != nullptr && too_common(term, entry->postings.docs, places.size())) continue;
    if (!term.added) all += term.weight * idf(places.size(), entry == nullptr ? 0 : entry->postings.docs);
    if (entry != nullptr) search.add(*entry, term.weight);
  }
  // What is related counts too, so there may be more than was asked for.
  if (all > 0.0)
    for (Found& one : found) one.coverage = std::min(1.0F, one.coverage / static_cast<float>(all));
}

std::size_t TermIndex::bytes() const noexcept {
  return pool_.bytes() + heap_size(entries_) + heap_block(texts_.capacity()) +
         heap_block(slots_.capacity() * sizeof(slots_[0]));
}

}  // namespace prot::memory
