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

template <typename Finish>
void DatabaseTask::keep_answer(const Finish& finish, std::vector<Finish>& unfinished) {
  unfinished.push_back(finish);
  try {
    answers_.keep(finish);
  } catch (const Error& e) {
    log_error("{}: an answer is lost if memory ends before the database is back", e.what());
  }
}

/// The predecessor's.
void DatabaseTask::read_answers() {
  if (std::exchange(answers_read_, true)) return;
  AnswerSpool::Kept kept = answers_.read();
  unfinished_.insert(unfinished_.begin(), kept.answers.begin(), kept.answers.end());
  unfinished_summaries_.insert(unfinished_summaries_.begin(), kept.summaries.begin(), kept.summaries.end());
}

/// Before any lease is freed: each of them is still its job's.
void DatabaseTask::finish_what_waits(std::vector<Told>& told) {
  read_answers();
  std::erase_if(unfinished_, [&](const ask::Finish& finish) { return finish_extract(finish, told); });
  std::erase_if(unfinished_summaries_,
                [&](const ask::FinishCommunity& finish) { return finish_summary(finish, told); });
  if (up_) answers_.clear();
}

/// False: the database went away.
bool DatabaseTask::finish_extract(const ask::Finish& finish, std::vector<Told>& told) {
  bool finished = false;
  if (!attempt([&] { finished = store_->finish_extract(finish.job, finish.answer, wall_()); })) {
    if (!up_) return false;
    attempt([&] { store_->fail(finish.job, "the store refuses the answer", wall_(), true); });
  }
  if (finished) {
    told.emplace_back(told::JobsDone{finish.job.exchanges});
    run_applies(told);
  }
  return true;
}

void DatabaseTask::on(const ask::Finish& finish, std::vector<Told>& told) {
  held_.clear();
  if (!finish_extract(finish, told)) keep_answer(finish, unfinished_);
  told.emplace_back(told::JobClosed{});
  attempt([&] { report(told); });
}

bool DatabaseTask::finish_summary(const ask::FinishCommunity& finish, std::vector<Told>& told) {
  bool last = false;
  bool finished = false;
  attempt([&] {
    last = store_->finish_community(finish.id, finish.summary);
    finished = true;
    last = last && !store_->next_community();
  });
  if (!finished && !up_) return false;
  if (last) tell_communities(told);
  return true;
}

void DatabaseTask::on(const ask::FinishCommunity& finish, std::vector<Told>& told) {
  if (!finish_summary(finish, told)) keep_answer(finish, unfinished_summaries_);
  told.emplace_back(told::JobClosed{});
}

}  // namespace prot::memory
