#include "term_index.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "heap_size.hpp"

namespace prot::memory {
namespace {

constexpr double kK1 = 1.2;
constexpr double kB = 0.75;
constexpr std::size_t kFirstSlots = 64;

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

std::uint32_t Places::add(std::array<std::uint32_t, kKinds> lengths) {
  if (places_.size() == places_.capacity()) places_.reserve(grown(places_.size()));
  places_.push_back({kNone, kNone, lengths});
  for (std::size_t kind = 0; kind < kKinds; ++kind) totals_[kind] += lengths[kind];
  return end() - 1;
}

void Places::drop_oldest(std::size_t count) {
  const auto end = places_.begin() + static_cast<std::ptrdiff_t>(count);
  for (auto place = places_.begin(); place != end; ++place) {
    if (place->previous != kNone) (*this)[place->previous].next = place->next;
    if (place->next != kNone) (*this)[place->next].previous = place->previous;
    for (std::size_t kind = 0; kind < kKinds; ++kind) totals_[kind] -= place->lengths[kind];
  }
  places_.erase(places_.begin(), end);
  first_ += static_cast<std::uint32_t>(count);
}

double Places::average(std::size_t kind) const noexcept {
  if (totals_[kind] == 0) return 0.0;
  return std::max(1.0, static_cast<double>(totals_[kind]) / static_cast<double>(places_.size()));
}

std::size_t Places::bytes() const noexcept { return heap_block(places_.capacity() * sizeof(Place)); }

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

void TermIndex::search(const std::vector<std::string>& query, const Places& places,
                       std::vector<Found>& found) const {
  if (found.capacity() < places.size()) found.reserve(grown(places.size()));
  found.assign(places.size(), {});
  const double average = places.average(kind_);
  if (average == 0.0) return;
  const Bm25 alone(average);
  const Bm25 together(4 * average);
  const std::uint32_t first = places.first();
  const auto length_of = [&](std::uint32_t doc) {
    return doc == Places::kNone ? 0.0 : double{0} + places[doc].lengths[kind_];
  };
  std::vector<std::uint32_t> touched;
  const auto touch = [&](std::uint32_t doc, std::uint32_t count) {
    if (doc == Places::kNone) return;
    float& counted = found[doc - first].count;
    if (counted == 0.0F) touched.push_back(doc);
    counted += static_cast<float>(count);
  };
  double all = 0.0;
  std::vector<std::string> terms(query);
  std::sort(terms.begin(), terms.end());
  for (auto term = terms.begin(); term != terms.end();) {
    const auto other = std::find_if(term, terms.end(), [&](const std::string& t) { return t != *term; });
    const Entry* entry = find(*term);
    const double own_idf = idf(places.size(), entry == nullptr ? 0 : entry->postings.docs);
    const double weight = own_idf * static_cast<double>(other - term);
    term = other;
    all += weight;
    if (entry == nullptr) continue;
    touched.clear();
    pool_.for_each(entry->postings, [&](std::uint32_t doc, std::uint32_t count) {
      const Places::Place& place = places[doc];
      found[doc - first].own += alone(count, place.lengths[kind_], own_idf);
      touch(doc, 2 * count);
      touch(place.previous, count);
      touch(place.next, count);
    });
    const double window_idf = idf(places.size(), touched.size());
    for (const std::uint32_t doc : touched) {
      const Places::Place& place = places[doc];
      const double length = 2 * length_of(doc) + length_of(place.previous) + length_of(place.next);
      Found& window = found[doc - first];
      window.window += together(window.count, length, window_idf);
      window.coverage += static_cast<float>(weight);
      window.count = 0.0F;
    }
  }
  if (all > 0.0)
    for (Found& one : found) one.coverage /= static_cast<float>(all);
}

std::size_t TermIndex::bytes() const noexcept {
  return pool_.bytes() + heap_size(entries_) + heap_block(texts_.capacity()) +
         heap_block(slots_.capacity() * sizeof(slots_[0]));
}

}  // namespace prot::memory
