#include "end_of_turn.hpp"

#include <algorithm>
#include <utility>

namespace prot::capture {

EndOfTurn::EndOfTurn(const TurnWaitSettings& settings, std::unique_ptr<EndOfTurnModel> model)
    : longest_(settings.longest), wait_(settings), model_(std::move(model)) {
  if (model_) heard_.reserve(2 * model_->reach());
}

void EndOfTurn::begin(unsigned silence, bool answered) {
  if (waited_ && !answered && silence <= longest_) wait_.learn(silence);
  waited_ = false;
  heard_.clear();
  wait_.begin(false, false);
}

void EndOfTurn::hear(std::span<const std::int16_t> samples) {
  if (!model_) return;
  const std::size_t reach = model_->reach();
  if (heard_.size() + samples.size() > 2 * reach)
    heard_.erase(heard_.begin(), heard_.end() - static_cast<std::ptrdiff_t>(reach));
  heard_.insert(heard_.end(), samples.begin(), samples.end());
}

void EndOfTurn::pause(unsigned silence, bool words) {
  const bool asked = has_model();
  wait_.begin(asked, words);
  if (asked) ask(silence);
}

void EndOfTurn::ask(unsigned silence) {
  const std::span<const std::int16_t> all(heard_);
  model_->start(all.last(std::min(all.size(), model_->reach())));
  asking_ = true;
  asked_at_ = silence;
}

void EndOfTurn::take_answer() {
  if (const std::optional<float> answer = model_->poll()) {
    ++answers_;
    asking_ = false;
    wait_.judge(*answer);
  } else if (model_->failed()) {
    asking_ = false;
    wait_.give_up_asking();
  }
}

void EndOfTurn::forget_question() noexcept {
  if (asking_) model_->cancel();
  asking_ = false;
}

void EndOfTurn::resume(unsigned silence) {
  wait_.learn(silence);
  wait_.begin(false, false);
  forget_question();
}

void EndOfTurn::end(bool waited) {
  waited_ = waited;
  forget_question();
}

unsigned EndOfTurn::wait(unsigned silence) {
  if (asking_) take_answer();
  const bool sure = probability().value_or(0) >= TurnWait::kEven;
  if (!asking_ && !sure && has_model() && silence >= asked_at_ + kAskAgain) ask(silence);
  return wait_.windows();
}

}  // namespace prot::capture
