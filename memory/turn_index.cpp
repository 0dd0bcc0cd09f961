#include "turn_index.hpp"

#include <algorithm>
#include <set>

#include "heap_size.hpp"

namespace prot::memory {
namespace {

// Weights of the four legs, chosen on the shape of the problem: what stands around a turn finds it better
// than the turn alone.
constexpr double kWindow = 1.0;
constexpr double kOwn = 0.5;

// A question says nothing, and a reply may be wrong; what the person told is what is looked for.
constexpr double kQuestionFactor = 0.25;
constexpr double kReplyFactor = 0.6;

// An eviction walks over the whole index, so it makes room for many.
constexpr std::size_t kEvictedShare = 16;

/// The best of a search: what the others are measured by.
class Best {
 public:
  explicit Best(const std::vector<TermIndex::Found>& found) {
    for (const TermIndex::Found& one : found) {
      window_ = std::max(window_, one.window);
      own_ = std::max(own_, one.own);
    }
  }
  [[nodiscard]] double score(const TermIndex::Found& one) const {
    double score = 0.0;
    if (window_ > 0.0) score += kWindow * one.window / window_;
    if (own_ > 0.0) score += kOwn * one.own / own_;
    return score;
  }

 private:
  double window_ = 0.0;
  double own_ = 0.0;
};

}  // namespace

std::size_t TurnIndex::position(const std::vector<std::uint32_t>& docs, std::uint64_t sequence) const {
  const auto at = std::lower_bound(
      docs.begin(), docs.end(), sequence,
      [&](std::uint32_t doc, std::uint64_t wanted) { return stored(doc).sequence < wanted; });
  return static_cast<std::size_t>(at - docs.begin());
}

bool TurnIndex::put(const Message& message) {
  if (message.open || message.text.empty()) return false;
  const ConversationKey key{message.key.conversation.high, message.key.conversation.low};
  const auto [known, added] = conversations_.try_emplace(key);
  if (added) conversation_bytes_ += map_node_size<Conversations>();
  std::vector<std::uint32_t>& docs = known->second;
  const std::size_t at = position(docs, message.key.sequence);
  if (at < docs.size() && stored(docs[at]).sequence == message.key.sequence) return false;
  Terms terms = terms_of(message.text);
  store(message, *known, terms);
  const std::uint32_t doc = places_.add(
      {static_cast<std::uint32_t>(terms.words.size()), static_cast<std::uint32_t>(terms.grams.size())});
  join(doc, docs, at);
  words_.add(doc, std::move(terms.words));
  grams_.add(doc, std::move(terms.grams));
  while (bytes() > max_bytes_ && turns_.size() > 1) evict(std::max<std::size_t>(1, size() / kEvictedShare));
  return true;
}

void TurnIndex::store(const Message& message, Conversations::value_type& conversation, const Terms& terms) {
  StoredTurn turn{};
  turn.conversation = &conversation;
  turn.sequence = message.key.sequence;
  turn.at_ns = message.at_ns;
  turn.text_size = static_cast<std::uint32_t>(message.text.size());
  turn.text = std::make_unique_for_overwrite<char[]>(turn.text_size);
  std::copy(message.text.begin(), message.text.end(), turn.text.get());
  turn.by_user = message.role == Role::kUser;
  turn.by_text = message.channel == wire::Channel::kText;
  turn.interrupted = message.interrupted;
  turn.question = is_question(message.text);
  turn.about_self = turn.by_user && !turn.question && !terms.words.empty() && speaks_of_self(message.text);
  text_bytes_ += heap_block(turn.text_size);
  turns_.push_back(std::move(turn));
}

void TurnIndex::join(std::uint32_t doc, std::vector<std::uint32_t>& docs, std::size_t at) {
  Places::Place& place = places_[doc];
  if (at > 0) {
    place.previous = docs[at - 1];
    places_[place.previous].next = doc;
  }
  if (at < docs.size()) {
    place.next = docs[at];
    places_[place.next].previous = doc;
  }
  conversation_bytes_ -= heap_block(docs.capacity() * sizeof(doc));
  docs.insert(docs.begin() + static_cast<std::ptrdiff_t>(at), doc);
  conversation_bytes_ += heap_block(docs.capacity() * sizeof(doc));
}

void TurnIndex::evict(std::size_t count) {
  std::set<Conversations::value_type*> touched;
  for (std::size_t i = 0; i < count; ++i) {
    text_bytes_ -= heap_block(turns_.front().text_size);
    touched.insert(turns_.front().conversation);
    turns_.pop_front();
  }
  places_.drop_oldest(count);
  const std::uint32_t first = places_.first();
  for (Conversations::value_type* conversation : touched) {
    std::vector<std::uint32_t>& docs = conversation->second;
    conversation_bytes_ -= heap_block(docs.capacity() * sizeof(first));
    std::erase_if(docs, [&](std::uint32_t doc) { return doc < first; });
    docs.shrink_to_fit();
    conversation_bytes_ += heap_block(docs.capacity() * sizeof(first));
    if (!docs.empty()) continue;
    conversation_bytes_ -= map_node_size<Conversations>();
    conversations_.erase(conversation->first);
  }
  words_.drop_below(first);
  grams_.drop_below(first);
}

std::size_t TurnIndex::bytes() const noexcept {
  return heap_size(turns_) + places_.bytes() + text_bytes_ + conversation_bytes_ + words_.bytes() +
         grams_.bytes() + 2 * heap_block(places_.capacity() * sizeof(TermIndex::Found));
}

TurnIndex::Turn TurnIndex::turn(std::uint32_t doc) const {
  const StoredTurn& turn = stored(doc);
  const ConversationKey& id = turn.conversation->first;
  return {{{id.first, id.second}, turn.sequence},
          turn.by_user ? Role::kUser : Role::kAssistant,
          turn.at_ns,
          {turn.text.get(), turn.text_size},
          turn.question,
          turn.about_self};
}

std::vector<TurnIndex::Hit> TurnIndex::search(const Terms& query, std::size_t limit,
                                              const Allowed& allowed) const {
  words_.search(query.words, places_, found_words_);
  grams_.search(query.grams, places_, found_grams_);
  const Best words(found_words_);
  const Best grams(found_grams_);
  const auto better = [&](const Hit& a, const Hit& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::pair(stored(a.doc).at_ns, a.doc) > std::pair(stored(b.doc).at_ns, b.doc);
  };
  std::vector<Hit> hits;  // a heap, the worst in front
  auto next = turns_.begin();
  for (std::size_t i = 0; i < turns_.size() && limit > 0; ++i) {
    const StoredTurn& candidate = *next++;
    if (found_words_[i].window <= 0.0 && found_grams_[i].window <= 0.0) continue;
    double score = (words.score(found_words_[i]) + grams.score(found_grams_[i])) / (2 * (kWindow + kOwn));
    if (candidate.question) score *= kQuestionFactor;
    if (!candidate.by_user) score *= kReplyFactor;
    const Hit hit{places_.first() + static_cast<std::uint32_t>(i), score,
                  double{std::max(found_words_[i].coverage, found_grams_[i].coverage)}};
    if ((hits.size() == limit && !better(hit, hits.front())) || !allowed(turn(hit.doc))) continue;
    if (hits.size() == limit) {
      std::pop_heap(hits.begin(), hits.end(), better);
      hits.pop_back();
    }
    hits.push_back(hit);
    std::push_heap(hits.begin(), hits.end(), better);
  }
  std::sort_heap(hits.begin(), hits.end(), better);
  return hits;
}

std::uint64_t TurnIndex::nth_newest(const wire::ConversationId& conversation, std::size_t n) const {
  const auto found = conversations_.find({conversation.high, conversation.low});
  if (found == conversations_.end() || found->second.size() < n || n == 0) return 0;
  return stored(found->second[found->second.size() - n]).sequence;
}

std::vector<Message> TurnIndex::conversation(const wire::ConversationId& id, std::size_t limit) const {
  std::vector<Message> messages;
  const auto found = conversations_.find({id.high, id.low});
  if (found == conversations_.end()) return messages;
  const std::vector<std::uint32_t>& docs = found->second;
  for (std::size_t i = docs.size() - std::min(limit, docs.size()); i < docs.size(); ++i) {
    const StoredTurn& turn = stored(docs[i]);
    messages.push_back({{id, turn.sequence},
                        turn.by_user ? Role::kUser : Role::kAssistant,
                        turn.by_text ? wire::Channel::kText : wire::Channel::kVoice,
                        turn.at_ns,
                        {turn.text.get(), turn.text_size},
                        turn.interrupted,
                        false});
  }
  return messages;
}

std::vector<std::uint32_t> TurnIndex::newest_statements(std::size_t limit, const Allowed& allowed) const {
  std::vector<std::uint32_t> found;
  for (std::uint32_t doc = places_.first(); doc != places_.end(); ++doc)
    if (stored(doc).about_self && allowed(turn(doc))) found.push_back(doc);
  std::sort(found.begin(), found.end(),
            [&](std::uint32_t a, std::uint32_t b) { return stored(a).at_ns > stored(b).at_ns; });
  if (found.size() > limit) found.resize(limit);
  return found;
}

}  // namespace prot::memory
