#include "recall/fact_index.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/fnv.hpp"
#include "extraction/dates.hpp"
#include "knowledge/facts.hpp"
#include "recall/terms.hpp"

namespace prot::memory {
namespace {

constexpr double kDay = 86'400.0;
constexpr double kLasting = 1460 * kDay;
constexpr double kUsual = 365 * kDay;
constexpr double kPassing = 60 * kDay;
constexpr double kMostReads = 15.0;     // more do not make it last longer
constexpr double kGramShare = 0.8;      // grams alone are a weaker sign than words
constexpr std::size_t kMostGone = 256;  // before all is indexed anew, and more are gone than there

// Beginnings of what is about a moment. What can hold only once (is_functional) lasts.
constexpr std::array kPassingKinds = std::to_array<std::string_view>(
    {"attend", "ate", "bought", "buy",  "eat",   "feel",   "felt",  "going", "met_",  "mood",
     "plan",   "saw", "see",    "sick", "tired", "travel", "visit", "want",  "watch", "went"});
constexpr std::array kLastingKinds =
    std::to_array<std::string_view>({"allerg", "born", "brother", "child", "daughter", "father", "husband",
                                     "married", "mother", "name", "parent", "sister", "son", "wife"});

template <typename Kinds>
bool begins_like(const Kinds& kinds, std::string_view predicate) noexcept {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](std::string_view kind) { return predicate.starts_with(kind); });
}

class Hash {
 public:
  Hash& add(std::string_view text) noexcept {
    value_ = fnv1a(text, value_);
    return add(text.size());
  }
  Hash& add(std::uint64_t number) noexcept {
    value_ = (value_ ^ number) * 0x9E3779B97F4A7C15U;
    value_ ^= value_ >> 32U;
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return value_; }

 private:
  std::uint64_t value_ = kFnvBasis;
};

/// The same for what is the same to whoever reads it.
std::uint64_t hash_of(const Fact& fact) noexcept {
  return Hash()
      .add(fact.statement)
      .add(fact.subject)
      .add(static_cast<std::uint64_t>(fact.id))
      .add(static_cast<std::uint64_t>(fact.valid_from))
      .add(static_cast<std::uint64_t>(fact.valid_to))
      .add(fact.source.conversation.high)
      .add(fact.source.conversation.low)
      .add(fact.source.sequence)
      .value();
}

}  // namespace

double half_life_of(std::string_view predicate) noexcept {
  if (begins_like(kPassingKinds, predicate)) return kPassing;
  return is_functional(predicate) || begins_like(kLastingKinds, predicate) ? kLasting : kUsual;
}

double FactIndex::Known::strength(Nanos now) const noexcept {
  const double age = static_cast<double>(std::max<Nanos>(0, now - refreshed)) / static_cast<double>(kSecond);
  return kLeastStrength + (1.0 - kLeastStrength) * std::exp2(-age / half_life);
}

void FactIndex::set(std::vector<Fact> facts) {
  std::stable_sort(facts.begin(), facts.end(),
                   [](const Fact& a, const Fact& b) { return a.valid_from > b.valid_from; });
  if (known_.size() > 2 * order_.size() + kMostGone) begin_anew();
  for (Known& known : known_) known.gone = true;
  order_.clear();
  for (Fact& fact : facts) {
    const std::uint64_t hash = hash_of(fact);
    auto number = numbers_.find(hash);
    if (number == numbers_.end()) {
      add(fact, hash);
      number = numbers_.find(hash);
    }
    Known& known = known_[number->second];
    if (!std::exchange(known.gone, false)) continue;  // it stands in the list twice
    known.refreshed = std::max({fact.valid_from, fact.valid_to, fact.read_at});
    known.half_life = half_life_of(fact.predicate) *
                      (1.0 + std::log2(1.0 + std::min(kMostReads, static_cast<double>(fact.reads))));
    order_.push_back(number->second);
  }
  std::erase_if(numbers_, [&](const auto& one) { return known_[one.second].gone; });
  for (Known& known : known_)
    if (known.gone) known.statement = std::string();  // what is forgotten is not kept
}

void FactIndex::add(Fact& fact, std::uint64_t hash) {
  const auto number = static_cast<std::uint32_t>(known_.size());
  Terms terms = terms_of(fact.statement);
  words_.add(number, std::move(terms.words));
  grams_.add(number, std::move(terms.grams));
  Known known;
  known.statement = std::move(fact.statement);
  known.past = fact.valid_to != 0;
  if (known.past) known.statement += " (until " + iso_date(fact.valid_to) + ")";
  known.statement.shrink_to_fit();
  known.valid_from = fact.valid_from;
  known.source = fact.source;
  known.id = fact.id;
  known.of_user = fact.subject == "user";
  known.gone = true;  // until set() counts it
  known_.push_back(std::move(known));
  numbers_.emplace(hash, number);
}

void FactIndex::begin_anew() {
  known_.clear();
  numbers_.clear();
  words_ = TermIndex{0};
  grams_ = TermIndex{1};
}

std::vector<FactIndex::Hit> FactIndex::search(const Query& query, double least) const {
  const auto shares = [&](const std::vector<QueryTerm>& asked, const TermIndex& index) {
    std::vector<double> found(known_.size());
    double all = 0.0;
    for (const QueryTerm& term : asked) {
      if (!term.added) all += term.weight;
      index.for_each(term.text, [&](std::uint32_t fact, std::uint32_t) { found[fact] += term.weight; });
    }
    for (double& share : found) share = all > 0.0 ? std::min(1.0, share / all) : 0.0;
    return found;
  };
  const std::vector<double> words = shares(query.words, words_);
  const std::vector<double> grams = shares(query.grams, grams_);
  std::vector<Hit> hits;
  for (const std::uint32_t number : order_) {
    const double share = std::max(words[number], kGramShare * grams[number]);
    if (share >= least) hits.push_back({share, &known_[number]});
  }
  return hits;
}

std::vector<const FactIndex::Known*> FactIndex::newest() const {
  std::vector<const Known*> facts;
  facts.reserve(order_.size());
  for (const std::uint32_t number : order_) facts.push_back(&known_[number]);
  return facts;
}

}  // namespace prot::memory
