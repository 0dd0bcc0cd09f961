// DatabaseTask: jobs and their leases.
#include <algorithm>

#include "base/error.hpp"
#include "base/log.hpp"
#include "extraction/extraction.hpp"
#include "queue/database_task.hpp"

namespace prot::memory {
namespace {

constexpr Nanos kExtractLease = 120 * kSecond;  // renewed while the model is at it
constexpr Nanos kApplyLease = 30 * kSecond;
constexpr int kMostTries = 12;  // that nobody lived to tell of; a model's bad answers end a job before

}  // namespace

/// After a connection: only a predecessor can hold leases in this name before the first one of this process;
/// later it is what was claimed or applied when the one before broke.
void DatabaseTask::free_leases() {
  renew_at_ = 0;
  keep_lease(0);
  store_->reap(wall_(), connected_before_ ? Freed::kStray : Freed::kPredecessors, held_);
  connected_before_ = true;
}

/// A model may take its time, and be asked again what it meant.
void DatabaseTask::keep_lease(Nanos now) {
  if (held_.empty() || now < renew_at_) return;
  renew_at_ = now + kExtractLease / 3;
  if (!store_->renew(held_, wall_() + kExtractLease)) held_.clear();
}

/// One that ends this process, or the server, each time must not do so for ever: memory would never be up.
std::optional<Job> DatabaseTask::claim(JobKind kind, Nanos lease, bool ignore_due) {
  while (std::optional<Job> job = store_->claim(kind, wall_(), lease, ignore_due)) {
    if (job->attempts <= kMostTries) return job;
    log_error("{} job {} is given up: it was begun {} times, and never ended", to_string(kind), job->id,
              kMostTries);
    store_->fail(*job,
                 "begun " + std::to_string(kMostTries) + " times: memory or its connection ended each time",
                 wall_(), true);
  }
  return std::nullopt;
}

void DatabaseTask::run_applies(std::vector<Told>& told) {
  int done = 0;
  attempt([&] {
    while (const std::optional<Job> job = claim(JobKind::kApply, kApplyLease, true))
      done += apply(*job) ? 1 : 0;
    if (done > 0) tell_facts(told);
  });
  if (done > 0) told.emplace_back(told::JobsDone{done});
}

bool DatabaseTask::apply(const Job& job) {
  // A stored answer that cannot be used now never can: dead, where it is seen, and its text is kept.
  try {
    return store_->apply(job, parse_answer(job.result, job), wall_());
  } catch (const StoreError& e) {
    if (e.kind() == StoreError::Kind::kAway) throw;
    store_->fail(job, e.what(), wall_(), true);
  } catch (const Error& e) {
    store_->fail(job, e.what(), wall_(), true);
  }
  return false;
}

void DatabaseTask::on(const ask::Claim& claim, std::vector<Told>& told) {
  told::Claimed claimed;
  if (claim.ignore_due) run_applies(told);  // a drain: what is paid for first, it costs next to nothing
  const bool whole = attempt([&] {
    if (over_budget()) return;
    claimed.job = this->claim(JobKind::kExtract, kExtractLease, claim.ignore_due);
    if (!claimed.job) return;
    // What failed comes in half the number, until the one that is to blame stands alone.
    const int most = claim.batch >> std::min(claimed.job->attempts - 1, 16);
    if (most > 1) store_->claim_more(&*claimed.job, wall_(), kExtractLease, claim.ignore_due, most);
  });
  // The lease may hold more than is known here: an answer would end what no model was asked about.
  if (!whole) claimed.job.reset();
  held_ = claimed.job ? claimed.job->token : std::string();
  renew_at_ = 0;
  told.emplace_back(std::move(claimed));
}

void DatabaseTask::on(const ask::GiveBack& back, std::vector<Told>& told) {
  held_.clear();
  attempt([&] { store_->give_back(back.job, wall_()); });  // else: free_leases()
  told.emplace_back(told::JobClosed{});
  attempt([&] { report(told); });
}

void DatabaseTask::on(const ask::Fail& fail, std::vector<Told>& told) {
  held_.clear();
  attempt([&] { store_->fail(fail.job, fail.error, wall_() + fail.delay, fail.dead); });
  told.emplace_back(told::JobClosed{});
  attempt([&] { report(told); });
}

}  // namespace prot::memory
