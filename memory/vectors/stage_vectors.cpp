#include <algorithm>

#include "memory_stage.hpp"

/// Recall by vectors and ranks. The block by words goes out at once; what takes longer makes it anew, for
/// whoever still waits.
namespace prot::memory {
namespace {

constexpr std::size_t kMaxOpen =
    4;  // requests that may get a better block: a voice and a text turn ask at once

}  // namespace

std::vector<TurnIndex::Vote> MemoryStage::votes_at_once(const Request& request) {
  if (!dense_) return {};
  const std::optional<std::vector<DenseLeg::Near>> near = dense_->near_at_once(request.query);
  return near ? dense_->votes(*near) : std::vector<TurnIndex::Vote>();
}

void MemoryStage::ask_services(const Request& request, const std::vector<TurnIndex::Vote>& votes) {
  if (!dense_ || request.query.empty()) return;
  open_.push_back({request, {}});
  if (open_.size() > kMaxOpen) open_.pop_front();
  if (!dense_->ask(request.head.request, request.query)) rank(open_.back(), votes);
}

void MemoryStage::rank(OpenRequest& open, const std::vector<TurnIndex::Vote>& votes) {
  if (dense_->ranked() == 0) return;
  open.found.clear();
  std::vector<std::string> texts;
  for (Recall::Found& found :
       recall_.search(open.request.query, open.request.head.conversation, dense_->ranked(), {{}, votes})) {
    texts.push_back(std::move(found.text));
    open.found.push_back(found.source);
  }
  dense_->rank(open.request.head.request, open.request.query, std::move(texts));
}

int MemoryStage::take_vectors(Nanos now) {
  if (!dense_) return 0;
  int items = dense_->poll();
  if (items > 0) {
    count("vectors", dense_->vectors());
    count("vectors_pending", dense_->pending());
    count("vectors_failing", dense_->failing() ? 1 : 0);
    count("vectors_ready", dense_->ready() ? 1 : 0);
    count("vectors_dropped", dense_->index().dropped());
    const bool searched = dense_->store_near().state == StoreNear::State::kReady;
    count("vectors_in_database", searched ? dense_->store_near().vectors : 0);
    context_->set_engine(parts_.engine + (searched ? ", " + dense_->store_near().what : ""));
  }
  while (const std::optional<DenseLeg::Answer> answer = dense_->take_answer()) {
    ++items;
    const auto open = std::find_if(open_.begin(), open_.end(), [&](const OpenRequest& one) {
      return one.request.head.request == answer->request;
    });
    if (open != open_.end()) answer_again(*open, *answer, now);
  }
  return items;
}

void MemoryStage::answer_again(OpenRequest& open, const DenseLeg::Answer& answer, Nanos now) {
  std::vector<TurnIndex::Vote> votes;
  if (answer.ranks.empty()) {
    votes = dense_->votes(answer.near);
  } else if (answer.ranks.size() == open.found.size()) {
    votes = DenseLeg::votes_of_ranks(answer.ranks, open.found);
  }
  if (votes.empty()) return;
  if (answer.news) {
    const RecallBudget limit = block_limit(open.request.head);
    outbox_.put_block(open.request.head.request, ++generation_, now,
                      recall_.answer(open.request.query, open.request.head.conversation, limit, {{}, votes}));
    count("recalls_by_vectors", ++recalls_by_vectors_);
    if (answer.of_store) count("recalls_by_database", ++recalls_by_database_);
  }
  if (answer.ranks.empty() && !answer.more) rank(open, votes);
}

}  // namespace prot::memory
