#include "vectors/dense_leg.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.hpp"

namespace prot::memory {
namespace {

bool before(const VectorKey& a, const VectorKey& b) {
  return std::tie(a.high, a.low, a.number) < std::tie(b.high, b.low, b.number);
}

MessageKey message_of(const VectorKey& key) { return {{key.high, key.low}, key.number}; }

}  // namespace

DenseLeg::DenseLeg(Parts parts, std::size_t max_bytes, const std::function<void()>& wake)
    : model_(parts.documents->model_id()),
      ranked_(parts.reranker ? parts.ranked : 0),
      store_searches_(parts.search != nullptr),
      index_(max_bytes) {
  if (parts.questions->is_instant()) instant_ = std::move(parts.questions);
  if (parts.questions || parts.reranker || parts.search)
    questions_ = std::make_unique<QuestionWorker>(
        QuestionWorker::Services{std::move(parts.questions), std::move(parts.reranker),
                                 std::move(parts.search)},
        wake);
  vectors_ = std::make_unique<VectorWorker>(std::move(parts.store), std::move(parts.documents), wake,
                                            parts.first_wait);
}

int DenseLeg::poll() {
  VectorWorker::Told told = vectors_->poll();
  for (const StoredVector& one : told.vectors)
    if (!index_.put(one.key, one.vector))
      log_error("a vector of {} dimensions is passed over, the others have {}", one.vector.values.size(),
                index_.dimension());
  const bool news =
      !told.vectors.empty() || told.counts.has_value() || told.complete != complete_ || told.near.has_value();
  if (index_.dropped() > 0 && store_searches_ && !std::exchange(store_wanted_, true))
    vectors_->want_near(index_.dimension());
  if (told.near) tell_store_near(std::move(*told.near));
  if (told.complete && !complete_)
    log_info("{}: {} vectors of {} dimensions", model_, index_.size(), index_.dimension());
  complete_ = told.complete;
  failing_ = told.failing;
  if (told.counts) counts_ = *told.counts;
  return news ? 1 : 0;
}

void DenseLeg::tell_store_near(StoreNear near) {
  using State = StoreNear::State;
  if (near.what.empty()) near.what = "pgvector";
  const std::string has_room =
      std::to_string(index_.size()) + " vectors have room in memory (memory.vector_mib)";
  if (near.state != store_near_.state) {
    if (near.state == State::kReady)
      log_info("{}; all {} are searched by the database's {}", has_room, near.vectors, near.what);
    if (near.state == State::kAbsent)
      log_info("{}; the database has no pgvector to search the others: they are found by their words alone",
               has_room);
    if (near.state == State::kRefused)
      log_warn("{}; the others are found by their words alone, since {} cannot be used: {}", has_room,
               near.what, near.why);
  }
  store_near_ = std::move(near);
}

void DenseLeg::stored(std::span<const Message> messages) {
  for (const Message& message : messages)
    if (!message.open && !message.text.empty())
      vectors_->note(false, VectorKey::of(message.key), message.text);
  vectors_->news();
}

void DenseLeg::set_facts(std::span<const Fact> facts) {
  facts_.clear();
  for (const Fact& fact : facts) {
    facts_.emplace_back(VectorKey::of_statement(fact.statement), fact.source);
    if (!index_.has(facts_.back().first)) vectors_->note(true, facts_.back().first, fact.statement);
  }
  std::sort(facts_.begin(), facts_.end(),
            [](const auto& a, const auto& b) { return before(a.first, b.first); });
  vectors_->news();
}

std::vector<TurnIndex::Vote> DenseLeg::votes(std::span<const Near> near) const {
  std::vector<TurnIndex::Vote> votes;
  if (near.empty()) return votes;
  const double best = near.front().similarity;
  const double worst = near.size() < kNearest ? 0.0 : double{near.back().similarity};
  const double most = instant_ ? kHashedVote : 1.0;
  for (const Near& one : near) {
    const double score = best > worst ? most * (one.similarity - worst) / (best - worst) : 0.0;
    if (score <= 0.0) break;
    const auto fact = std::lower_bound(facts_.begin(), facts_.end(), one.key,
                                       [](const auto& a, const VectorKey& b) { return before(a.first, b); });
    const bool is_fact = fact != facts_.end() && fact->first == one.key;
    votes.push_back({is_fact ? fact->second : message_of(one.key), score});
  }
  return votes;
}

std::vector<TurnIndex::Vote> DenseLeg::votes_of_ranks(std::span<const double> ranks,
                                                      std::span<const MessageKey> texts) {
  std::vector<TurnIndex::Vote> votes;
  const auto [worst, best] = std::minmax_element(ranks.begin(), ranks.end());
  if (ranks.size() != texts.size() || ranks.empty() || *best <= *worst) return votes;
  votes.reserve(ranks.size());
  for (std::size_t i = 0; i < ranks.size(); ++i)
    votes.push_back({texts[i], kRankVote * (ranks[i] - *worst) / (*best - *worst)});
  std::stable_sort(votes.begin(), votes.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  return votes;
}

std::optional<std::vector<DenseLeg::Near>> DenseLeg::near_at_once(std::string_view question) {
  if (!instant_) return std::nullopt;
  if (!ready()) return std::vector<Near>();
  const std::vector<std::string> texts{std::string(question)};
  Embedded embedded = instant_->embed(texts, TextKind::kQuery, {});
  at_once_ = {0, texts[0], {}, std::move(embedded.vectors.at(0)), {}};
  at_once_.near = index_.search(at_once_.vector, kNearest);
  return at_once_.near;
}

bool DenseLeg::ask(std::uint64_t request, std::string_view question) {
  if (!ready()) return false;
  if (instant_) {
    at_once_.request = request;
    return at_once_.question == question && ask_store(at_once_);
  }
  questions_->ask({request, std::string(question), {}, {}, {}});
  return true;
}

bool DenseLeg::ask_store(QuestionWorker::Task task) {
  if (!asks_store(index_.dropped(), store_near_.state) || task.vector.empty()) return false;
  questions_->ask(std::move(task));
  return true;
}

bool DenseLeg::rank(std::uint64_t request, std::string_view question, std::vector<std::string> texts) {
  if (ranked_ == 0 || texts.size() < 2) return false;
  questions_->ask({request, std::string(question), std::move(texts), {}, {}});
  return true;
}

std::optional<DenseLeg::Answer> DenseLeg::take_answer() {
  if (!questions_) return std::nullopt;
  std::optional<QuestionWorker::Answer> answer = questions_->poll();
  if (!answer) return std::nullopt;
  QuestionWorker::Task& task = answer->task;
  Answer out{.request = task.request, .ranks = std::move(answer->ranks)};
  if (task.to_store()) {
    out.near = nearest_of_both(task.near, answer->near, kNearest);
    out.news = out.of_store = std::any_of(out.near.begin(), out.near.end(), [&](const Near& near) {
      return std::none_of(task.near.begin(), task.near.end(),
                          [&](const Near& known) { return known.key == near.key; });
    });
  } else if (!answer->vector.empty()) {
    out.near = index_.search(answer->vector, kNearest);
    out.more = ask_store({task.request, std::move(task.question), {}, std::move(answer->vector), out.near});
  }
  return out;
}

}  // namespace prot::memory
