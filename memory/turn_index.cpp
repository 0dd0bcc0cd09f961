#include "turn_index.hpp"

#include <algorithm>
#include <cmath>

namespace prot::memory {
namespace {

constexpr double kK1 = 1.2;
constexpr double kB = 0.75;

// Weights of the four legs, chosen on the shape of the problem: what stands around a turn finds it better
// than the turn alone.
constexpr double kWindow = 1.0;
constexpr double kOwn = 0.5;

// A question says nothing, and a reply may be wrong; what the person told is what is looked for.
constexpr double kQuestionFactor = 0.25;
constexpr double kReplyFactor = 0.6;

double bm25(double count, double length, double average, double idf) {
  return idf * count * (kK1 + 1) / (count + kK1 * (1 - kB + kB * length / average));
}

double idf(std::size_t docs, std::size_t with) {
  return std::log(1.0 + (static_cast<double>(docs) - static_cast<double>(with) + 0.5) /
                            (static_cast<double>(with) + 0.5));
}

void add_scaled(const std::vector<double>& part, double weight, std::vector<double>& scores) {
  const double best = part.empty() ? 0.0 : *std::max_element(part.begin(), part.end());
  if (best <= 0.0) return;
  for (std::size_t i = 0; i < part.size(); ++i) scores[i] += weight * part[i] / best;
}

}  // namespace

void TermIndex::add(std::uint32_t doc, const std::vector<std::string>& terms) {
  lengths_.resize(std::max<std::size_t>(lengths_.size(), doc + 1U));
  lengths_[doc] = static_cast<std::uint32_t>(terms.size());
  total_ += terms.size();
  for (const std::string& term : terms) {
    std::vector<Posting>& list = postings_[term];
    if (!list.empty() && list.back().doc == doc) {
      ++list.back().count;
    } else {
      list.push_back({doc, 1});
    }
  }
}

void TermIndex::search(const std::vector<std::string>& query, const std::vector<std::uint32_t>& previous,
                       const std::vector<std::uint32_t>& next, double window_weight, double own_weight,
                       std::vector<double>& scores) const {
  const std::size_t docs = lengths_.size();
  if (docs == 0 || total_ == 0) return;
  const double average = std::max(1.0, static_cast<double>(total_) / static_cast<double>(docs));
  const auto length_of = [&](std::uint32_t doc) { return doc == kNone ? 0.0 : double{0} + lengths_[doc]; };
  std::vector<double> windows(docs);
  std::vector<double> own(docs);
  std::vector<double> counts(docs);  // of one term in each window; zero again after each term
  std::vector<std::uint32_t> touched;
  std::vector<std::string> unique(query);
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  for (const std::string& term : unique) {
    const auto found = postings_.find(term);
    if (found == postings_.end()) continue;
    touched.clear();
    const auto touch = [&](std::uint32_t doc, double count) {
      if (doc == kNone) return;
      if (counts[doc] == 0.0) touched.push_back(doc);
      counts[doc] += count;
    };
    const double own_idf = idf(docs, found->second.size());
    for (const Posting& posting : found->second) {
      own[posting.doc] += bm25(posting.count, lengths_[posting.doc], average, own_idf);
      touch(posting.doc, 2.0 * posting.count);
      touch(previous[posting.doc], posting.count);
      touch(next[posting.doc], posting.count);
    }
    const double window_idf = idf(docs, touched.size());
    for (const std::uint32_t doc : touched) {
      const double length = 2 * length_of(doc) + length_of(previous[doc]) + length_of(next[doc]);
      windows[doc] += bm25(counts[doc], length, 4 * average, window_idf);
      counts[doc] = 0.0;
    }
  }
  add_scaled(windows, window_weight, scores);
  add_scaled(own, own_weight, scores);
}

double TermIndex::coverage(const std::vector<std::string>& query,
                           const std::vector<const std::vector<std::string>*>& terms) const {
  double all = 0.0;
  double held = 0.0;
  for (const std::string& term : query) {
    const auto found = postings_.find(term);
    const double weight = idf(lengths_.size(), found == postings_.end() ? 0 : found->second.size());
    all += weight;
    const bool has = std::any_of(terms.begin(), terms.end(), [&](const std::vector<std::string>* list) {
      return std::find(list->begin(), list->end(), term) != list->end();
    });
    if (has) held += weight;
  }
  return all > 0.0 ? held / all : 0.0;
}

double TurnIndex::coverage(const Terms& query, std::uint32_t doc) const {
  std::vector<const std::vector<std::string>*> words;
  std::vector<const std::vector<std::string>*> grams;
  for (const std::uint32_t d : {doc, previous_[doc], next_[doc]}) {
    if (d == TermIndex::kNone) continue;
    words.push_back(&turns_[d].terms.words);
    grams.push_back(&turns_[d].terms.grams);
  }
  return std::max(words_.coverage(query.words, words), grams_.coverage(query.grams, grams));
}

bool TurnIndex::put(const Message& message) {
  if (message.open || message.text.empty()) return false;
  auto& conversation = conversations_[{message.key.conversation.high, message.key.conversation.low}];
  if (conversation.contains(message.key.sequence)) return false;
  const auto doc = static_cast<std::uint32_t>(turns_.size());
  const auto place = conversation.emplace(message.key.sequence, doc).first;
  Turn turn{message, terms_of(message.text), is_question(message.text), false};
  turn.about_self = message.role == Role::kUser && !turn.question && !turn.terms.words.empty() &&
                    speaks_of_self(message.text);
  turns_.push_back(std::move(turn));
  previous_.push_back(TermIndex::kNone);
  next_.push_back(TermIndex::kNone);
  if (place != conversation.begin()) {
    previous_[doc] = std::prev(place)->second;
    next_[previous_[doc]] = doc;
  }
  if (const auto after = std::next(place); after != conversation.end()) {
    next_[doc] = after->second;
    previous_[next_[doc]] = doc;
  }
  words_.add(doc, turns_.back().terms.words);
  grams_.add(doc, turns_.back().terms.grams);
  return true;
}

std::vector<TurnIndex::Hit> TurnIndex::search(const Terms& query, std::size_t limit,
                                              const std::function<bool(const Turn&)>& allowed) const {
  std::vector<double> scores(turns_.size());
  words_.search(query.words, previous_, next_, kWindow, kOwn, scores);
  grams_.search(query.grams, previous_, next_, kWindow, kOwn, scores);
  std::vector<Hit> hits;
  for (std::uint32_t doc = 0; doc < turns_.size(); ++doc) {
    if (scores[doc] <= 0.0 || !allowed(turns_[doc])) continue;
    double score = scores[doc] / (2 * (kWindow + kOwn));
    if (turns_[doc].question) score *= kQuestionFactor;
    if (turns_[doc].message.role == Role::kAssistant) score *= kReplyFactor;
    hits.push_back({doc, score, 0.0});
  }
  const auto better = [&](const Hit& a, const Hit& b) {
    if (a.score != b.score) return a.score > b.score;
    return turns_[a.doc].message.at_ns > turns_[b.doc].message.at_ns;
  };
  const std::size_t keep = std::min(limit, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(keep), hits.end(), better);
  hits.resize(keep);
  for (Hit& hit : hits) hit.coverage = coverage(query, hit.doc);
  return hits;
}

std::uint64_t TurnIndex::nth_newest(const wire::ConversationId& conversation, std::size_t n) const {
  const auto found = conversations_.find({conversation.high, conversation.low});
  if (found == conversations_.end() || found->second.size() < n || n == 0) return 0;
  return std::prev(found->second.end(), static_cast<std::ptrdiff_t>(n))->first;
}

std::vector<Message> TurnIndex::conversation(const wire::ConversationId& id, std::size_t limit) const {
  std::vector<Message> messages;
  const auto found = conversations_.find({id.high, id.low});
  if (found == conversations_.end()) return messages;
  auto turn = found->second.end();
  for (std::size_t i = std::min(limit, found->second.size()); i > 0; --i) --turn;
  for (; turn != found->second.end(); ++turn) messages.push_back(turns_[turn->second].message);
  return messages;
}

std::vector<std::uint32_t> TurnIndex::newest_statements(
    std::size_t limit, const std::function<bool(const Turn&)>& allowed) const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t doc = 0; doc < turns_.size(); ++doc)
    if (turns_[doc].about_self && allowed(turns_[doc])) found.push_back(doc);
  std::sort(found.begin(), found.end(), [&](std::uint32_t a, std::uint32_t b) {
    return turns_[a].message.at_ns > turns_[b].message.at_ns;
  });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace prot::memory
