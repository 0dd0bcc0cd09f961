#include "recall/turn_index.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "recall/heap_size.hpp"
#include "recall/vocabulary.hpp"
#include "text/normalize.hpp"

namespace prot::memory {
namespace {

// Weights of the legs, for words and grams each: what stands around a turn finds it better than the turn
// alone.
constexpr double kWindow = 1.0;
constexpr double kOwn = 0.6;
constexpr double kSessionWords = 0.3;
constexpr double kSessionGrams = 0.4;
constexpr double kAllLegs = 2 * (kWindow + kOwn) + kSessionWords + kSessionGrams;

// A question says little, and a reply may be wrong; what the person told is what is looked for.
constexpr double kQuestionFactor = 0.5;
constexpr double kReplyFactor = 0.6;

// The best has at least so much of the question, else all are worth less: it is the best of little.
constexpr double kSure = 0.5;

constexpr double kAskedSpeaker = 0.25;  // more, for what the one said whom the question names
constexpr double kTellsTime = 0.25;     // more, for what tells a time, when that is asked
constexpr double kTellsNumber = 0.15;   // a number, when there must be one in the answer
constexpr double kOfSelf = 0.15;        // of the person, when they ask about themselves
constexpr double kThen = 0.3;           // said when the question says
constexpr double kAfterwards = 0.15;    // or soon after: people tell what was
constexpr Nanos kSoonAfter = 10 * 86'400 * kSecond;

constexpr Nanos kSessionGap = 2 * 3600 * kSecond;  // a longer silence ends it

constexpr double kFading = 0.1;  // at most so much of the weight is lost
constexpr double kHalfLife = 180.0 * 86'400;
constexpr double kHalfLifeOfSelf = 730.0 * 86'400;

// An eviction walks over the whole index, so it makes room for many.
constexpr std::size_t kEvictedShare = 16;

/// A leg's figures by the best of them.
class Leg {
 public:
  explicit Leg(const TermIndex::Matches& matches)
      : matches_(matches),
        window_(matches.best.window > 0.0F ? kWindow / double{matches.best.window} : 0.0),
        own_(matches.best.own > 0.0F ? kOwn / double{matches.best.own} : 0.0),
        session_(matches.best_session > 0.0 ? 1.0 / matches.best_session : 0.0) {}
  [[nodiscard]] double score(const TermIndex::Found& one) const {
    return window_ * double{one.window} + own_ * double{one.own};
  }
  [[nodiscard]] double session(std::uint32_t session) const { return session_ * matches_.sessions[session]; }
  [[nodiscard]] double coverage() const { return double{matches_.best.coverage}; }
  [[nodiscard]] const TermIndex::Found& turn(std::size_t place) const { return matches_.turns[place]; }

 private:
  const TermIndex::Matches& matches_;
  double window_;
  double own_;
  double session_;
};

}  // namespace

/// What a turn is worth in one search.
class TurnIndex::Scorer {
 public:
  Scorer(const TurnIndex& index, const Query& query, std::span<const Vote> votes,
         std::span<const TimeSpan> times)
      : index_(index),
        words_(index.found_words_),
        grams_(index.found_grams_),
        times_(times),
        query_(query),
        sureness_(std::min(1.0, std::max(words_.coverage(), grams_.coverage()) / kSure)),
        asked_(index.speakers_.named(query.names, index.size())) {
    for (const Vote& vote : votes)
      if (const std::uint32_t doc = index.find(vote.key); doc != Places::kNone)
        votes_.emplace_back(doc, vote.score);
    std::sort(votes_.begin(), votes_.end());
  }

  /// Before it fades with time, which costs more than the rest; 0: the turn has nothing to do with it.
  /// REQUIRES: docs rise from call to call.
  [[nodiscard]] double unfaded(std::uint32_t doc, const StoredTurn& turn) {
    const std::size_t place = doc - index_.places_.first();
    const double then = said_then(turn.at_ns);
    const double voted = vote_for(doc);
    const bool matches = words_.turn(place).window > 0.0 || grams_.turn(place).window > 0.0;
    if (!matches && then + voted == 0.0) return 0.0;
    double score = words_.score(words_.turn(place)) + grams_.score(grams_.turn(place));
    const std::uint32_t session = index_.places_[doc].session;
    score += kSessionWords * words_.session(session) + kSessionGrams * grams_.session(session);
    score *= sureness_ / kAllLegs;
    double more = 1.0;
    if (turn.speaker < asked_.size() && asked_[turn.speaker]) more += kAskedSpeaker;
    if (query_.asks_when && turn.tells_time) more += kTellsTime;
    if (query_.asks_number && turn.tells_number) more += kTellsNumber;
    if (query_.of_self && turn.about_self) more += kOfSelf;
    score = score * more + then + voted;
    if (turn.question) score *= kQuestionFactor;
    if (!turn.by_user) score *= kReplyFactor;
    return score;
  }
  [[nodiscard]] double left(const StoredTurn& turn) const {
    return freshness(index_.newest_ - turn.at_ns, turn.about_self);
  }
  [[nodiscard]] double coverage(std::uint32_t doc) const {
    const std::size_t place = doc - index_.places_.first();
    return double{std::max(words_.turn(place).coverage, grams_.turn(place).coverage)};
  }

 private:
  /// The best of them.
  [[nodiscard]] double vote_for(std::uint32_t doc) {
    double most = 0.0;
    for (; next_vote_ < votes_.size() && votes_[next_vote_].first <= doc; ++next_vote_)
      if (votes_[next_vote_].first == doc) most = std::max(most, votes_[next_vote_].second);
    return most;
  }
  [[nodiscard]] double said_then(Nanos at) const {
    double most = 0.0;
    for (const TimeSpan& time : times_) {
      if (at >= time.begin && at < time.end) most = kThen;
      if (at >= time.end && at < time.end + kSoonAfter) most = std::max(most, kAfterwards);
    }
    return most;
  }

  const TurnIndex& index_;
  Leg words_;
  Leg grams_;
  std::span<const TimeSpan> times_;
  const Query& query_;
  double sureness_;
  std::vector<bool> asked_;                              // by speaker
  std::vector<std::pair<std::uint32_t, double>> votes_;  // by doc
  std::size_t next_vote_ = 0;
};

std::size_t TurnIndex::position(const std::vector<std::uint32_t>& docs, std::uint64_t sequence) const {
  const auto at = std::lower_bound(
      docs.begin(), docs.end(), sequence,
      [&](std::uint32_t doc, std::uint64_t wanted) { return stored(doc).sequence < wanted; });
  return static_cast<std::size_t>(at - docs.begin());
}

std::uint32_t TurnIndex::find(const MessageKey& key) const {
  const auto known = conversations_.find({key.conversation.high, key.conversation.low});
  if (known == conversations_.end()) return Places::kNone;
  const std::vector<std::uint32_t>& docs = known->second;
  const std::size_t at = position(docs, key.sequence);
  return at < docs.size() && stored(docs[at]).sequence == key.sequence ? docs[at] : Places::kNone;
}

bool TurnIndex::put(const Message& message) {
  if (message.open || message.text.empty() || find(message.key) != Places::kNone) return false;
  const ConversationKey key{message.key.conversation.high, message.key.conversation.low};
  const auto [known, added] = conversations_.try_emplace(key);
  if (added) conversation_bytes_ += map_node_size<Conversations>();
  std::vector<std::uint32_t>& docs = known->second;
  const std::size_t at = position(docs, message.key.sequence);
  Terms terms = terms_of(message.text);
  const std::uint32_t session = session_at(docs, at, message.at_ns);
  store(message, *known, terms);
  const std::uint32_t doc = places_.add(
      session,
      {static_cast<std::uint32_t>(terms.words.size()), static_cast<std::uint32_t>(terms.grams.size())},
      turns_.back().question || asks_something(message.text));
  join(doc, docs, at);
  words_.add(doc, std::move(terms.words));
  grams_.add(doc, std::move(terms.grams));
  while (bytes() > max_bytes_ && turns_.size() > 1) evict(std::max<std::size_t>(1, size() / kEvictedShare));
  return true;
}

bool TurnIndex::forget(const MessageKey& key) {
  const std::uint32_t doc = find(key);
  if (doc == Places::kNone) return false;
  StoredTurn& turn = turns_[doc - places_.first()];
  Conversations::value_type& conversation = *std::exchange(turn.conversation, nullptr);
  std::erase(conversation.second, doc);
  if (conversation.second.empty()) {
    conversation_bytes_ -=
        map_node_size<Conversations>() + heap_block(conversation.second.capacity() * sizeof(doc));
    conversations_.erase(conversation.first);
  }
  std::fill_n(turn.text.get(), turn.text_size, '\0');
  text_bytes_ -= heap_block(turn.text_size);
  turn.text.reset();
  turn.text_size = 0;
  turn.about_self = false;
  speakers_.release(std::exchange(turn.speaker, Speakers::kNobody));
  places_.take_out(doc);
  return true;
}

std::uint32_t TurnIndex::session_at(const std::vector<std::uint32_t>& docs, std::size_t at, Nanos time) {
  const auto near = [&](std::uint32_t doc) { return std::abs(stored(doc).at_ns - time) <= kSessionGap; };
  if (at > 0 && near(docs[at - 1])) return places_[docs[at - 1]].session;
  if (at < docs.size() && near(docs[at])) return places_[docs[at]].session;
  return places_.open_session();
}

double TurnIndex::freshness(Nanos age, bool about_self) noexcept {
  const double seconds = static_cast<double>(std::max<Nanos>(0, age)) / static_cast<double>(kSecond);
  return 1.0 - kFading * (1.0 - std::exp2(-seconds / (about_self ? kHalfLifeOfSelf : kHalfLife)));
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
  for (const std::string& word : text::words(message.text)) {
    turn.tells_time = turn.tells_time || tells_time(word);
    turn.tells_number = turn.tells_number || (word.front() >= '0' && word.front() <= '9');
  }
  turn.speaker = speakers_.note(message.text);
  newest_ = std::max(newest_, message.at_ns);
  text_bytes_ += heap_block(turn.text_size);
  turns_.push_back(std::move(turn));
}

void TurnIndex::join(std::uint32_t doc, std::vector<std::uint32_t>& docs, std::size_t at) {
  Places::Place& place = places_[doc];
  if (at > 0 && places_[docs[at - 1]].session == place.session) {
    place.previous = docs[at - 1];
    places_[place.previous].next = doc;
  }
  if (at < docs.size() && places_[docs[at]].session == place.session) {
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
    const StoredTurn& turn = turns_.front();
    text_bytes_ -= heap_block(turn.text_size);
    speakers_.release(turn.speaker);
    if (turn.conversation != nullptr) touched.insert(turn.conversation);
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
         grams_.bytes() + speakers_.bytes() + 2 * heap_block(places_.capacity() * sizeof(TermIndex::Found)) +
         2 * heap_block((places_.capacity() + 1) * sizeof(std::uint32_t)) +
         2 * heap_block(places_.sessions().capacity() * sizeof(double));
}

TurnIndex::Turn TurnIndex::turn(std::uint32_t doc) const {
  const StoredTurn& turn = stored(doc);
  const ConversationKey& id = turn.conversation->first;
  return {{{id.first, id.second}, turn.sequence},
          turn.by_user ? Role::kUser : Role::kAssistant,
          turn.at_ns,
          {turn.text.get(), turn.text_size},
          turn.question,
          turn.about_self,
          speakers_.known(turn.speaker, size())};
}

std::vector<TurnIndex::Hit> TurnIndex::search(const Query& query, std::size_t limit, const Allowed& allowed,
                                              std::span<const Vote> votes,
                                              std::span<const TimeSpan> times) const {
  words_.search(query.words, places_, found_words_);
  grams_.search(query.grams, places_, found_grams_);
  Scorer scorer(*this, query, votes, times);
  const auto better = [&](const Hit& a, const Hit& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::pair(stored(a.doc).at_ns, a.doc) > std::pair(stored(b.doc).at_ns, b.doc);
  };
  std::vector<Hit> hits;  // a heap, the worst in front
  std::uint32_t doc = places_.first();
  for (auto turn = turns_.begin(); turn != turns_.end() && limit > 0; ++turn, ++doc) {
    if (turn->conversation == nullptr) continue;
    const double unfaded = scorer.unfaded(doc, *turn);
    if (unfaded <= 0.0 || (hits.size() == limit && unfaded < hits.front().score)) continue;
    const Hit hit{doc, unfaded * scorer.left(*turn), scorer.coverage(doc)};
    if ((hits.size() == limit && !better(hit, hits.front())) || !allowed(this->turn(hit.doc))) continue;
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
  const auto newer = [&](std::uint32_t a, std::uint32_t b) { return stored(a).at_ns > stored(b).at_ns; };
  std::vector<std::uint32_t> found;  // a heap, the oldest in front
  std::uint32_t doc = places_.first();
  for (auto turn = turns_.begin(); turn != turns_.end() && limit > 0; ++turn, ++doc) {
    const bool may = turn->about_self && (found.size() < limit || newer(doc, found.front()));
    if (!may || !allowed(this->turn(doc))) continue;
    if (found.size() == limit) {
      std::pop_heap(found.begin(), found.end(), newer);
      found.pop_back();
    }
    found.push_back(doc);
    std::push_heap(found.begin(), found.end(), newer);
  }
  std::sort_heap(found.begin(), found.end(), newer);
  return found;
}

}  // namespace prot::memory
