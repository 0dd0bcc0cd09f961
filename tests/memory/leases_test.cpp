// DatabaseTask: no lease outlives its worker, and none is lost to a worker that only takes long.
#include <doctest/doctest.h>

#include <utility>

#include "memory/extraction/extraction.hpp"
#include "memory/queue/database_task.hpp"
#include "memory/stores/in_memory.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

/// Its connection breaks at a commit: what was asked is done, and nobody hears of it.
class Doubtful final : public InMemoryStore {
 public:
  enum class Call { kNone, kClaim, kClaimMore, kApply };
  Call breaks_at = Call::kNone;

  std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) override {
    std::optional<Job> job = InMemoryStore::claim(kind, now, lease, ignore_due);
    if (kind == JobKind::kExtract) break_at(Call::kClaim);
    return job;
  }
  void claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) override {
    Job theirs = *job;
    InMemoryStore::claim_more(&theirs, now, lease, ignore_due, most);
    break_at(Call::kClaimMore);
    *job = std::move(theirs);
  }
  bool apply(const Job& job, const Extraction& extraction, Nanos now) override {
    break_at(Call::kApply);  // before its commit
    return InMemoryStore::apply(job, extraction, now);
  }

 private:
  void break_at(Call call) {
    if (std::exchange(breaks_at, breaks_at == call ? Call::kNone : breaks_at) == call)
      throw StoreError(StoreError::Kind::kAway, "the connection broke");
  }
};

struct Fixture {
  Fixture() : task(store, {folder.path() / "memory", folder.path() / "brain"}, [this] { return wall; }) {
    tick();
  }
  void tick(Nanos by = 5 * kSecond) {
    now += by;
    wall += by;
    task.tick(now, told);
  }
  void handle(Ask ask) { task.handle({std::move(ask)}, told); }
  void exchange_comes(std::uint64_t sequence, const std::string& said) {
    for (TurnRecord& r : exchange(1, sequence, said, "Ah.")) handle(ask::Store{++frame, std::move(r)});
  }
  std::optional<Job> claimed(int batch = 1) {
    handle(ask::Claim{false, batch});
    std::optional<Job> job;
    for (const Told& item : told)
      if (const auto* one = std::get_if<told::Claimed>(&item)) job = one->job;
    return job;
  }
  void finish(const Job& job) { handle(ask::Finish{job, std::string(kEmptyAnswer)}); }

  const prot::test::TempFolder folder;
  Doubtful store;
  Nanos wall = kNoon;
  Nanos now = kSecond;
  std::uint64_t frame = 0;
  std::vector<Told> told;
  DatabaseTask task;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a claim that was never heard of is free at the next connection, and no attempt") {
  exchange_comes(10, "I like tea.");
  store.breaks_at = Doubtful::Call::kClaim;
  CHECK_FALSE(claimed());
  CHECK_FALSE(task.up());
  tick();
  CHECK(store.counts().jobs_leased == 0);
  REQUIRE(claimed());
  CHECK(claimed() == std::nullopt);
  CHECK(store.counts().jobs_leased == 1);
}

TEST_CASE_FIXTURE(Fixture, "what may have been claimed with a job is not taken for answered with it") {
  for (std::uint64_t i = 1; i <= 3; ++i) exchange_comes(10 * i, "I like tea number " + std::to_string(i));
  store.breaks_at = Doubtful::Call::kClaimMore;
  CHECK_FALSE(claimed(4));
  tick();
  CHECK(store.counts().jobs_leased == 0);
  const std::optional<Job> job = claimed(4);
  REQUIRE(job);
  CHECK(job->exchanges == 3);
  CHECK(job->attempts == 1);
}

TEST_CASE_FIXTURE(Fixture, "a job that is handed back while the database is away is free when it is back") {
  exchange_comes(10, "I like tea.");
  const std::optional<Job> job = claimed();
  REQUIRE(job);
  store.set_away(true);
  SUBCASE("handed back") { handle(ask::GiveBack{*job}); }
  SUBCASE("failed") { handle(ask::Fail{*job, "no JSON", 4 * kSecond, false}); }
  store.set_away(false);
  tick();
  CHECK(store.counts().jobs_leased == 0);
  CHECK(store.counts().jobs_ready == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "an apply that broke off is done at the next connection, not when its lease ends") {
  exchange_comes(10, "I like tea.");
  const std::optional<Job> job = claimed();
  REQUIRE(job);
  store.breaks_at = Doubtful::Call::kApply;
  finish(*job);
  CHECK_FALSE(task.up());
  tick(100 * kMillisecond);
  CHECK(store.counts().jobs_leased == 0);
  CHECK(store.counts().jobs_ready == 0);
}

TEST_CASE_FIXTURE(Fixture, "a model that takes long keeps its job, also over an outage: it is paid once") {
  exchange_comes(10, "I like tea.");
  const std::optional<Job> job = claimed();
  REQUIRE(job);
  SUBCASE("all the time") {}
  SUBCASE("and the connection broke meanwhile") {
    store.set_away(true);
    exchange_comes(20, "I like cake.");
    tick(300 * kSecond);
    store.set_away(false);
  }
  for (int i = 0; i < 120; ++i) tick();  // ten minutes
  CHECK(store.counts().jobs_leased == 1);
  finish(*job);
  CHECK(store.counts().jobs_leased == 0);
  tick(600 * kSecond);
  const std::optional<Job> next = claimed();  // what was said meanwhile, never the same again
  CHECK(next.has_value() == (store.counts().messages == 4));
  CHECK((!next || next->first_seq == 20));
}

TEST_CASE_FIXTURE(Fixture, "a job that ends the process each time is dead in the end, and others are done") {
  exchange_comes(10, "I like tea.");
  exchange_comes(20, "I like cake.");
  SUBCASE("while the model is asked") {}
  SUBCASE("while its answer is applied") {
    const std::optional<Job> job = claimed();
    REQUIRE(job);
    REQUIRE(store.finish_extract(*job, std::string(kEmptyAnswer), wall));
    for (int i = 0; i < 12; ++i) {
      REQUIRE(store.claim(JobKind::kApply, wall, kSecond, true));
      REQUIRE(store.reap(wall, Freed::kPredecessors, "") == 1);
    }
    tick();
    CHECK(store.counts().jobs_dead == 1);
    return;
  }
  for (int i = 0; i < 12; ++i) {
    const std::optional<Job> first = store.claim(JobKind::kExtract, wall, kSecond, true);
    REQUIRE(first);
    REQUIRE(first->first_seq == 10);
    REQUIRE(store.reap(wall, Freed::kPredecessors, "") == 1);
  }
  const std::optional<Job> next = claimed();
  REQUIRE(next);
  CHECK(next->first_seq == 20);
  CHECK(store.counts().jobs_dead == 1);
}

TEST_CASE_FIXTURE(Fixture, "a drain does first what is paid for") {
  exchange_comes(10, "I like tea.");
  const std::optional<Job> job = claimed();
  REQUIRE(job);
  REQUIRE(store.finish_extract(*job, std::string(kEmptyAnswer), wall));
  exchange_comes(20, "I like cake.");
  handle(ask::Claim{true});
  CHECK(store.counts().jobs_ready == 0);
  CHECK(store.counts().jobs_leased == 1);  // the one that the model is asked about
}

TEST_CASE_FIXTURE(Fixture, "a lease of another instance that is over is freed, one that holds is not") {
  exchange_comes(10, "I like tea.");
  REQUIRE(store.claim(JobKind::kExtract, wall, 60 * kSecond, false));
  tick();
  CHECK(store.counts().jobs_leased == 1);
  tick(60 * kSecond);
  CHECK(store.counts().jobs_leased == 0);
}
