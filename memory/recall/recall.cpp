#include "recall/recall.hpp"

#include <algorithm>
#include <set>

#include "recall/terms.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kHistoryTurns = 24;  // of the running conversation: its history has them
constexpr std::size_t kCandidates = 24;
constexpr std::size_t kTokensEach = 12;      // at least, of a line where there is room
constexpr double kRelevantTurn = 0.25;       // share of the question that the turn and its neighbours hold
constexpr double kRelevantFact = 0.34;       // share of the question that the fact has
constexpr double kRelevantSummary = 0.34;    // and a summary
constexpr double kGramShare = 0.8;           // grams alone are a weaker sign than words
constexpr double kPastShare = 0.8;           // what held before, beside what holds
constexpr double kOlderReply = 0.6;          // as among the newer ones
constexpr double kRelativeToBest = 0.4;      // a line much worse than the best one is noise
constexpr double kRelativeWithRoom = 0.05;   // to a large model, less so
constexpr double kFactVote = 0.3;            // what a fact adds to the message that it comes from
constexpr double kDenseVote = 0.6;           // and an embedder to its best
constexpr std::size_t kFactsPart = 3;        // of the block where there is room: one part in three,
constexpr std::size_t kSummariesPart = 8;    // one in eight,
constexpr std::size_t kProfileTokens = 600;  // and so many of general knowledge

/// Each once and sorted, as share() wants them.
Terms sorted_terms(std::string_view text) {
  Terms terms = terms_of(text);
  for (std::vector<std::string>* list : {&terms.words, &terms.grams}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return terms;
}

/// Share of the question that a text has, as FactIndex counts it. REQUIRES: sorted_terms().
double share(const Query& query, const Terms& text) {
  const auto part = [](const std::vector<QueryTerm>& asked, const std::vector<std::string>& known) {
    double all = 0.0;
    double found = 0.0;
    for (const QueryTerm& term : asked) {
      if (!term.added) all += term.weight;
      if (std::binary_search(known.begin(), known.end(), term.text)) found += term.weight;
    }
    return all > 0.0 ? std::min(1.0, found / all) : 0.0;
  };
  return std::max(part(query.words, text.words), kGramShare * part(query.grams, text.grams));
}

TurnIndex::Turn turn_of(const Message& message) {
  return {message.key,
          message.role,
          message.at_ns,
          message.text,
          is_question(message.text),
          speaks_of_self(message.text),
          false};
}

}  // namespace

struct Recall::Question {
  Query query;
  History history;
  // What prot said itself is remembered when it is asked for, else a wrong answer would prove itself.
  bool replies;
  bool roomy;
  std::vector<TimeSpan> times;
};

BlockPacker::Line Recall::Candidate::line() const {
  using Kind = BlockPacker::Line::Kind;
  if (!turn)
    return {Kind::kFact, fact->statement, fact->valid_from, fact->source, Role::kUser, false, fact->id};
  return {Kind::kQuote, turn->text, turn->at_ns, turn->key, turn->role, turn->named};
}

void Recall::set_summaries(const std::vector<std::string>& summaries) {
  summaries_.clear();
  for (const std::string& summary : summaries) summaries_.push_back({summary, sorted_terms(summary)});
}

Recall::History Recall::history_of(const wire::ConversationId& conversation) const {
  return {conversation, index_.nth_newest(conversation, kHistoryTurns)};
}

bool Recall::allowed(const Question& question, const TurnIndex::Turn& turn) const {
  return (question.replies || turn.role == Role::kUser) && !question.history.has(turn.key);
}

void Recall::add_turns(const Question& question, std::size_t limit, std::span<const TurnIndex::Vote> votes,
                       std::vector<Candidate>& candidates) const {
  const auto may = [&](const TurnIndex::Turn& turn) { return allowed(question, turn); };
  for (const TurnIndex::Hit& hit : index_.search(question.query, limit, may, votes, question.times)) {
    // A question is worth a line only by what stands beside it, and that has a line of its own.
    const TurnIndex::Turn turn = index_.turn(hit.doc);
    if (question.roomy || (hit.coverage >= kRelevantTurn && !turn.question))
      candidates.push_back({hit.score, turn, nullptr});
  }
}

void Recall::add_older(const Question& question, std::span<const Message> older,
                       std::vector<Candidate>& candidates) const {
  for (const Message& message : older) {
    const TurnIndex::Turn turn = turn_of(message);
    const double score =
        share(question.query, sorted_terms(message.text)) * (turn.role == Role::kUser ? 1.0 : kOlderReply);
    if (score >= kRelevantFact && !turn.question && allowed(question, turn))
      candidates.push_back({score, turn, nullptr});
  }
}

std::vector<Recall::Candidate> Recall::candidates(const Question& question, std::size_t limit,
                                                  RecallHints hints) const {
  std::vector<Candidate> candidates;
  std::vector<TurnIndex::Vote> votes;
  for (const TurnIndex::Vote& vote : hints.dense) votes.push_back({vote.key, kDenseVote * vote.score});
  for (const FactIndex::Hit& hit : facts_.search(question.query, kRelevantFact)) {
    if (question.history.has(hit.fact->source)) continue;
    const double score =
        hit.share * (hit.fact->past ? kPastShare : 1.0) * hit.fact->strength(index_.newest());
    candidates.push_back({score, std::nullopt, hit.fact});
    votes.push_back({hit.fact->source, kFactVote * score});
  }
  add_turns(question, limit, votes, candidates);
  add_older(question, hints.older, candidates);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  return candidates;
}

RecallResult Recall::answer(std::string_view text, const wire::ConversationId& conversation,
                            RecallBudget budget, RecallHints hints) const {
  BlockPacker packer(budget);
  const Question question{query_of(text, index_.speakers()), history_of(conversation), asks_for_replies(text),
                          packer.roomy(), times_in(text, index_.oldest(), index_.newest())};
  const std::size_t limit = packer.roomy() ? budget.tokens / kTokensEach : kCandidates;
  const std::vector<Candidate> found = candidates(question, limit, hints);
  if (packer.roomy()) {
    pack_all(question, found, budget.tokens, packer);
  } else {
    for (const Candidate& candidate : found) {
      if (candidate.score < kRelativeToBest * found.front().score) break;
      packer.add(candidate.line(), budget.tokens);
    }
  }
  // General knowledge of the person misleads a small model when the question is about something else.
  if (speaks_of_self(text)) {
    const std::size_t half = (budget.tokens + 1) / 2;
    add_profile(packer, question.history,
                packer.roomy() ? packer.used() + std::min(half, kProfileTokens) : half);
  }
  return packer.result();
}

std::vector<const Recall::Summary*> Recall::relevant_summaries(const Question& question) const {
  std::vector<std::pair<double, const Summary*>> scored;
  for (const Summary& summary : summaries_)
    if (const double part = share(question.query, summary.terms); part >= kRelevantSummary)
      scored.emplace_back(part, &summary);
  std::stable_sort(scored.begin(), scored.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Summary*> best;
  best.reserve(scored.size());
  for (const auto& [part, summary] : scored) best.push_back(summary);
  return best;
}

void Recall::pack_all(const Question& question, const std::vector<Candidate>& candidates, std::size_t tokens,
                      BlockPacker& packer) const {
  for (const Candidate& candidate : candidates)
    if (candidate.fact != nullptr && !packer.add(candidate.line(), tokens / kFactsPart)) break;
  const std::size_t limit = packer.used() + tokens / kSummariesPart;
  for (const Summary* summary : relevant_summaries(question))
    packer.add({BlockPacker::Line::Kind::kSummary, summary->text, 0, {}, Role::kUser}, limit);
  double best = 0.0;
  for (const Candidate& candidate : candidates) {
    if (!candidate.turn) continue;
    best = std::max(best, candidate.score);
    if (candidate.score < kRelativeWithRoom * best) break;
    packer.add(candidate.line(), tokens);
  }
}

std::vector<Recall::Found> Recall::search(std::string_view text, const wire::ConversationId& conversation,
                                          std::size_t limit, RecallHints hints) const {
  const Question question{query_of(text, index_.speakers()), history_of(conversation), asks_for_replies(text),
                          true, times_in(text, index_.oldest(), index_.newest())};
  std::vector<Found> found;
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>> seen;
  for (const Candidate& candidate : candidates(question, limit, hints)) {
    const MessageKey& source = candidate.source();
    if (found.size() == limit) break;
    if (!seen.emplace(source.conversation.high, source.conversation.low, source.sequence).second) continue;
    const BlockPacker::Line line = candidate.line();
    found.push_back({candidate.score, source, line.at, std::string(line.text), !candidate.turn});
  }
  return found;
}

void Recall::add_profile(BlockPacker& packer, const History& history, std::size_t limit) const {
  for (const FactIndex::Known* fact : facts_.newest()) {
    if (history.has(fact->source) || !fact->of_user || fact->past) continue;
    BlockPacker::Line line = Candidate{0.0, std::nullopt, fact}.line();
    line.fact = 0;  // nobody asked for it
    if (!packer.add(line, limit)) break;
  }
  const auto allowed = [&](const TurnIndex::Turn& turn) { return !history.has(turn.key); };
  for (const std::uint32_t doc : index_.newest_statements(kCandidates, allowed))
    packer.add(Candidate{0.0, index_.turn(doc), nullptr}.line(), limit);
}

RecallResult Recall::profile(std::size_t max_tokens) const {
  BlockPacker packer(max_tokens);
  add_profile(packer, history_of({}), max_tokens);
  return packer.result();
}

}  // namespace prot::memory
