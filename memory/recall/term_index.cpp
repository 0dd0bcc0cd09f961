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

/// What a length weighs in BM25, beside a count.
class Norm {
 public:
  explicit Norm(double average) : slope_(static_cast<float>(kK1 * kB / average)) {}
  [[nodiscard]] float operator()(std::uint32_t length) const noexcept {
    return static_cast<float>(kK1 * (1 - kB)) + slope_ * static_cast<float>(length);
  }

 private:
  float slope_;
};

/// `weight`: of the term, with its idf and k1 + 1.
float bm25(float count, float norm, float weight) noexcept { return weight * count / (count + norm); }

float weight_of(double weight, double idf) noexcept { return static_cast<float>(weight * idf * (kK1 + 1)); }

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

std::uint32_t Places::add(std::uint32_t session, Lengths lengths, bool asks) {
  if (places_.size() == places_.capacity()) places_.reserve(grown(places_.size()));
  places_.push_back({kNone, kNone, session, lengths, asks ? 2U : 1U});
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

/// One search: a term after the other adds to what is found. Written for the processor: a posting of a common
/// term costs a few nanoseconds, and a question meets a hundred thousand of them.
class TermIndex::Search {
 public:
  Search(const TermIndex& index, const Places& places, Matches& matches)
      : index_(index),
        places_(places),
        first_(places.first()),
        found_(matches.turns.data()),
        sessions_(matches.sessions),
        counts_(places.sessions().size()),
        touched_(matches.touched.data()),
        whole_(places.session_average(index.kind_)) {
    const Norm alone(places.average(index.kind_));
    const Norm together(4 * places.average(index.kind_));
    for (std::uint32_t doc = first_; doc != places.end(); ++doc) {
      const Places::Place& place = places[doc];
      Found& found = found_[doc - first_];
      const std::uint32_t own = place.lengths[index.kind_];
      found.own_norm = alone(own);
      found.window_norm = together(2 * own + length_before(place.previous) + length_of(place.next));
    }
  }

  void add(const Entry& entry, double weight) {
    touched_end_ = 0;
    touched_sessions_.clear();
    const double own_idf = idf(places_.size(), entry.postings.docs);
    const float own_weight = weight_of(weight, own_idf);
    index_.pool_.for_each(entry.postings, [&](std::uint32_t doc, std::uint32_t count) {
      const Places::Place& place = places_[doc];
      if (place.session == Places::kNone) return;
      Found& found = found_[doc - first_];
      const auto counted = static_cast<float>(count);
      found.own += bm25(counted, found.own_norm, own_weight);
      touch(doc, 2 * counted);
      touch(place.previous, counted);
      touch(place.next, static_cast<float>(place.for_next) * counted);
      if (counts_[place.session] == 0) touched_sessions_.push_back(place.session);
      counts_[place.session] += count;
    });
    add_windows(weight, static_cast<float>(weight * own_idf));
    add_sessions(weight);
  }

 private:
  [[nodiscard]] std::uint32_t length_of(std::uint32_t doc) const {
    return doc == Places::kNone ? 0 : places_[doc].lengths[index_.kind_];
  }
  [[nodiscard]] std::uint32_t length_before(std::uint32_t doc) const {
    return doc == Places::kNone ? 0 : places_[doc].for_next * places_[doc].lengths[index_.kind_];
  }
  void touch(std::uint32_t doc, float count) {
    if (doc == Places::kNone) return;
    float& counted = found_[doc - first_].count;
    // Without a branch, which would be guessed wrong half of the time: written in any case, kept if it is
    // new.
    touched_[touched_end_] = doc - first_;
    touched_end_ += counted == 0.0F ? 1 : 0;
    counted += count;
  }
  void add_windows(double weight, float coverage) {
    const float window_weight = weight_of(weight, idf(places_.size(), touched_end_));
    for (std::size_t i = 0; i < touched_end_; ++i) {
      Found& window = found_[touched_[i]];
      window.window += bm25(window.count, window.window_norm, window_weight);
      window.coverage += coverage;
      window.count = 0.0F;
    }
  }
  void add_sessions(double weight) {
    const float session_weight = weight_of(weight, idf(places_.open_sessions(), touched_sessions_.size()));
    for (const std::uint32_t session : touched_sessions_) {
      const auto count = static_cast<float>(std::exchange(counts_[session], 0));
      const float norm = whole_(places_.sessions()[session].lengths[index_.kind_]);
      sessions_[session] += static_cast<double>(bm25(count, norm, session_weight));
    }
  }

  const TermIndex& index_;
  const Places& places_;
  const std::uint32_t first_;
  Found* const found_;
  std::vector<double>& sessions_;
  std::vector<std::uint32_t> counts_;  // of one term, by session
  std::uint32_t* const touched_;       // by that term: places in found_, and room for one more
  std::size_t touched_end_ = 0;
  std::vector<std::uint32_t> touched_sessions_;
  Norm whole_;
};

void TermIndex::search(std::span<const QueryTerm> query, const Places& places, Matches& matches) const {
  std::vector<Found>& found = matches.turns;
  if (found.capacity() < places.size()) {
    found.reserve(grown(places.size()));
    matches.touched.resize(found.capacity() + 1);
  }
  found.assign(places.size(), {});
  matches.sessions.assign(places.sessions().size(), 0.0);
  matches.best = {};
  matches.best_session = 0.0;
  if (places.average(kind_) == 0.0) return;
  Search search(*this, places, matches);
  double all = 0.0;
  for (const QueryTerm& term : query) {
    const Entry* entry = find(term.text);
    if (entry != nullptr && too_common(term, entry->postings.docs, places.size())) continue;
    if (!term.added) all += term.weight * idf(places.size(), entry == nullptr ? 0 : entry->postings.docs);
    if (entry != nullptr) search.add(*entry, term.weight);
  }
  Found& best = matches.best;
  for (Found& one : found) {
    // What is related counts too, so there may be more than was asked for.
    if (all > 0.0) one.coverage = std::min(1.0F, one.coverage / static_cast<float>(all));
    best.window = std::max(best.window, one.window);
    best.own = std::max(best.own, one.own);
    best.coverage = std::max(best.coverage, one.coverage);
  }
  for (const double session : matches.sessions)
    matches.best_session = std::max(matches.best_session, session);
}

std::size_t TermIndex::bytes() const noexcept {
  return pool_.bytes() + heap_size(entries_) + heap_block(texts_.capacity()) +
         heap_block(slots_.capacity() * sizeof(slots_[0]));
}

}  // namespace prot::memory
