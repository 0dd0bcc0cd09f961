// DatabaseTask: what the model may be asked on a day, and what becomes of an answer whose connection broke.
#include <utility>

#include "base/log.hpp"
#include "queue/database_task.hpp"

namespace prot::memory {
namespace {
constexpr Nanos kDay = 86'400 * kSecond;
}

/// The database's count of today, behind what could not be noted there before.
void DatabaseTask::book_use() {
  if (unbooked_.calls + unbooked_.tokens > 0) {
    store_->add_model_use(unbooked_, wall_());
    unbooked_ = {};
  }
  day_ = wall_() / kDay;
  today_ = store_->model_use(wall_());
}

bool DatabaseTask::over_budget() {
  if (day_ != wall_() / kDay) book_use();
  const bool over = (budget_.calls != 0 && today_.calls >= budget_.calls) ||
                    (budget_.tokens != 0 && today_.tokens >= budget_.tokens);
  if (!std::exchange(over_told_, over) && over)
    log_warn(
        "the model's budget of this day is used up ({} calls, {} tokens): what is left waits for the next",
        today_.calls, today_.tokens);
  return over;
}

void DatabaseTask::on(const ask::Use& use, std::vector<Told>&) {
  unbooked_.calls += use.use.calls;
  unbooked_.tokens += use.use.tokens;
  attempt([&] { book_use(); });
}

void DatabaseTask::finish_what_waits(std::vector<Told>& told) {
  for (const ask::Finish& finish : std::exchange(unfinished_, {})) on(finish, told);
  for (const ask::FinishCommunity& finish : std::exchange(unfinished_summaries_, {})) on(finish, told);
}

void DatabaseTask::on(const ask::FinishCommunity& finish, std::vector<Told>& told) {
  bool last = false;
  bool finished = false;
  attempt([&] {
    last = store_->finish_community(finish.id, finish.summary);
    finished = true;
    last = last && !store_->next_community();
  });
  if (!finished && !up_) unfinished_summaries_.push_back(finish);  // it was paid for
  if (last) tell_communities(told);
  told.emplace_back(told::JobClosed{});
}

}  // namespace prot::memory
