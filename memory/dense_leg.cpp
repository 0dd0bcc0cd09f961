#include "dense_leg.hpp"

#include <utility>

#include "base/log.hpp"

namespace prot::memory {

DenseLeg::DenseLeg(Parts parts, std::size_t max_bytes, const std::function<void()>& wake)
    : model_(parts.documents->model_id()), ranked_(parts.reranker ? parts.ranked : 0), index_(max_bytes) {
  if (parts.questions->is_instant()) instant_ = std::move(parts.questions);
  if (parts.questions || parts.reranker)
    questions_ =
        std::make_unique<QuestionWorker>(std::move(parts.questions), std::move(parts.reranker), wake);
  vectors_ = std::make_unique<VectorWorker>(std::move(parts.store), std::move(parts.documents), wake,
                                            parts.first_wait);
}

int DenseLeg::poll() {
  VectorWorker::Told told = vectors_->poll();
  for (const StoredVector& one : told.vectors)
    if (!index_.put(one.key, one.vector))
      log_error("a vector of {} dimensions is passed over, the others have {}", one.vector.values.size(),
                index_.dimension());
  const bool news = !told.vectors.empty() || told.counts.has_value() || told.complete != complete_;
  if (told.complete && !complete_)
    log_info("{}: {} vectors of {} dimensions", model_, index_.size(), index_.dimension());
  complete_ = told.complete;
  failing_ = told.failing;
  if (told.counts) counts_ = *told.counts;
  return news ? 1 : 0;
}

void DenseLeg::stored(std::span<const Message> messages, std::span<const Fact> facts) {
  for (const Message& message : messages)
    if (!message.open && !message.text.empty())
      vectors_->note(false, VectorKey::of(message.key), message.text);
  for (const Fact& fact : facts)
    if (const VectorKey key = VectorKey::of_statement(fact.statement); !index_.has(key))
      vectors_->note(true, key, fact.statement);
  vectors_->news();
}

std::optional<std::vector<DenseLeg::Near>> DenseLeg::near_at_once(std::string_view question) {
  if (!instant_) return std::nullopt;
  if (!ready()) return std::vector<Near>();
  const std::vector<std::string> texts{std::string(question)};
  const Embedded embedded = instant_->embed(texts, TextKind::kQuery, {});
  return index_.search(embedded.vectors.at(0), kNearest);
}

void DenseLeg::ask(std::uint64_t request, std::string_view question) {
  if (!instant_ && ready()) questions_->ask({request, std::string(question), {}});
}

bool DenseLeg::rank(std::uint64_t request, std::string_view question, std::vector<std::string> texts) {
  if (ranked_ == 0 || texts.size() < 2) return false;
  questions_->ask({request, std::string(question), std::move(texts)});
  return true;
}

std::optional<DenseLeg::Answer> DenseLeg::take_answer() {
  if (!questions_) return std::nullopt;
  std::optional<QuestionWorker::Answer> answer = questions_->poll();
  if (!answer) return std::nullopt;
  Answer out{answer->task.request, {}, std::move(answer->ranks)};
  if (!answer->vector.empty()) out.near = index_.search(answer->vector, kNearest);
  return out;
}

}  // namespace prot::memory
