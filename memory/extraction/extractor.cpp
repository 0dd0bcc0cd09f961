#include "extraction/extractor.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "extraction/extraction.hpp"
#include "knowledge/communities.hpp"

namespace prot::memory {
namespace {

constexpr Nanos kEmptyQueue = 5 * kSecond;  // until the queue is looked at again (jobs that are not due)
constexpr Nanos kModelAway = 10 * kSecond;  // until the model is tried again; then 20, 40 ... s
constexpr Nanos kModelAwayMost = 600 * kSecond;
constexpr Nanos kPlanPeriod = 600 * kSecond;       // how often communities are looked for, at most
constexpr Nanos kFirstBackOff = 2 * kSecond;       // of a job that failed: 2, 4, 8, ... s
constexpr Nanos kBoardPeriod = 50 * kMillisecond;  // how soon speech is seen while the model works

}  // namespace

bool Extractor::allowed(Nanos now, Nanos quiet_since) const noexcept {
  if (draining_) return !exhausted_ && now < drain_deadline_;
  return quiet_since != kNever && now - quiet_since >= idle_;
}

void Extractor::step(Nanos now, Nanos quiet_since, std::uint64_t ready) {
  if (state_ == State::kWaiting) {
    if (!draining_ && ready == 0 && now >= retry_at_ && allowed(now, quiet_since) && sums_up(now)) {
      state_ = State::kClaiming;
      ports_.database(ask::ClaimCommunity{plans(now)});
      if (plans(now)) {
        facts_changed_ = false;
        next_plan_ = now + kPlanPeriod;
      }
      return;
    }
    if (!allowed(now, quiet_since) || (!draining_ && (ready == 0 || now < retry_at_))) return;
    state_ = State::kClaiming;
    claimed_all_ = draining_;
    ports_.database(ask::Claim{draining_, batch_});
  } else if (state_ == State::kAsking && !cancelling_) {
    // A drain is for what was said; a summary can be made at any time.
    if (draining_ ? now < drain_deadline_ && !task_ : allowed(now, quiet_since)) return;
    cancelling_ = true;
    ports_.cancel_model();
  }
}

void Extractor::claimed_community(std::optional<CommunityTask> task) {
  summaries_wanted_ = task.has_value();
  task_ = std::move(task);
  state_ = State::kWaiting;
  if (!task_) return;
  state_ = State::kAsking;
  cancelling_ = false;
  ports_.start_model(
      {std::string(community_instructions()), community_question(*task_), std::string(community_schema())});
}

void Extractor::summarized(Nanos now, const ModelWorker::Answer& answer) {
  const CommunityTask task = *std::exchange(task_, std::nullopt);
  std::string summary;
  if (answer.error.empty()) {
    try {
      summary = parse_summary(storable_answer(answer.text), task);
    } catch (const Error& e) {
      log_info("community {}: {}", task.id, e.what());
    }
  } else if (answer.kind != ServiceError::Kind::kFailed) {
    if (answer.kind == ServiceError::Kind::kUnavailable) retry_at_ = now + pause_after(answer);
    exhausted_ = draining_ && answer.kind == ServiceError::Kind::kUnavailable;
    state_ = State::kWaiting;  // nobody else is at it: there is no lease to give back
    return;
  }
  state_ = State::kClosing;
  ports_.database(ask::FinishCommunity{task.id, std::move(summary)});
}

void Extractor::claimed(Nanos now, std::optional<Job> job) {
  if (!job) {
    state_ = State::kWaiting;
    retry_at_ = now + kEmptyQueue;
    exhausted_ = claimed_all_;
    return;
  }
  job_ = std::move(*job);
  if (!worth_asking(job_)) {
    state_ = State::kClosing;
    ports_.database(ask::Finish{job_, std::string(kEmptyAnswer)});
    return;
  }
  state_ = State::kAsking;
  cancelling_ = false;
  repaired_ = false;
  ask(extraction_question(job_));
}

void Extractor::ask(std::string question) {
  ports_.start_model({std::string(extraction_instructions()), std::move(question),
                      extraction_schema(!job_.offered.empty(), job_.exchanges)});
}

// Longer each time; never shorter than its server asks for.
Nanos Extractor::pause_after(const ModelWorker::Answer& answer) noexcept {
  return std::max(std::min(kModelAway << std::min(away_++, 6), kModelAwayMost), answer.retry_after);
}

void Extractor::give_back() {
  state_ = State::kClosing;
  ports_.database(ask::GiveBack{job_});
}

void Extractor::answered(Nanos now, const ModelWorker::Answer& answer) {
  if (answer.error.empty()) away_ = 0;
  if (task_) return summarized(now, answer);
  std::string problem = answer.error;
  if (problem.empty()) {
    try {
      std::string kept = storable_answer(answer.text);
      (void)parse_answer(kept, job_);
      state_ = State::kClosing;
      ports_.database(ask::Finish{job_, std::move(kept)});
      return;
    } catch (const Error& e) {
      problem = e.what();
    }
    if (!std::exchange(repaired_, true) && !cancelling_ && (!draining_ || now < drain_deadline_)) {
      log_info("extraction job {}: {}; asked once more", job_.id, problem);
      ask(repair_question(job_, problem));
      return;
    }
  } else if (answer.kind != ServiceError::Kind::kFailed) {
    if (answer.kind == ServiceError::Kind::kUnavailable) {
      log_info("extraction waits for the model: {}", problem);
      retry_at_ = now + pause_after(answer);
      exhausted_ = true;
    }
    give_back();
    return;
  }
  const bool dead = job_.attempts >= kMaxAttempts;
  log_warn("extraction job {} failed ({} of {}): {}", job_.id, job_.attempts, kMaxAttempts, problem);
  exhausted_ = true;  // a drain has no time for a second try
  state_ = State::kClosing;
  const Nanos delay = kFirstBackOff << std::min(job_.attempts, 8);
  ports_.database(ask::Fail{job_, problem, delay, dead});
}

void Extractor::drain(Nanos deadline) noexcept {
  if (!draining_) exhausted_ = false;
  draining_ = true;
  drain_deadline_ = std::min(drain_deadline_, deadline);
}

void Extractor::hand_back() {
  if (state_ == State::kAsking && !task_) give_back();
}

bool Extractor::drained(Nanos now) const noexcept {
  return draining_ && state_ == State::kWaiting && (exhausted_ || now >= drain_deadline_);
}

Nanos Extractor::next_deadline(Nanos now, Nanos quiet_since, std::uint64_t ready) const noexcept {
  if (draining_) return state_ == State::kAsking ? drain_deadline_ : kNever;
  if (state_ == State::kAsking) return cancelling_ ? kNever : now + kBoardPeriod;
  if (state_ != State::kWaiting) return kNever;
  if (ready == 0 && !sums_up(now)) return facts_changed_ ? next_plan_ : kNever;
  if (quiet_since == kNever) return now + kSecond / 4;  // no bell tells that talking has ended
  return std::max({quiet_since + idle_, retry_at_, now + kBoardPeriod});
}

}  // namespace prot::memory
