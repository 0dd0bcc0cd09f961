// DatabaseTask: what is kept in files beside the spool.
#include <doctest/doctest.h>

#include <fstream>

#include "memory/extraction/extraction.hpp"
#include "memory/queue/database_task.hpp"
#include "memory/stores/in_memory.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/temp_folder.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

struct Fixture {
  template <typename T>
  T last() const {
    T found;
    for (const Told& item : told)
      if (const T* one = std::get_if<T>(&item)) found = *one;
    return found;
  }
  void exchange_comes(DatabaseTask& task, std::uint64_t sequence, const std::string& said) {
    for (TurnRecord& r : exchange(1, sequence, said, "Ah."))
      task.handle({ask::Store{++frame, std::move(r)}}, told);
  }

  const prot::test::TempFolder folder;
  const DatabaseTask::Folders folders{folder.path() / "memory", folder.path() / "brain"};
  InMemoryStore store;
  Nanos now = 20 * kSecond;
  std::uint64_t frame = 0;
  std::vector<Told> told;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an answer that came while the database was away outlives the process") {
  DatabaseTask task(store, folders, [] { return kNoon; });
  task.tick(now, told);
  exchange_comes(task, 10, "I like tea.");
  exchange_comes(task, 20, "I like cake.");
  task.handle({ask::Claim{false}}, told);
  const Job job = *last<told::Claimed>().job;
  store.set_away(true);
  task.handle({ask::Finish{job, std::string(kEmptyAnswer)}}, told);
  const std::filesystem::path kept = folder.path() / "memory" / "answers.kept";
  REQUIRE(std::filesystem::exists(kept));
  DatabaseTask next(store, folders, [] { return kNoon; });
  next.tick(now + 20 * kSecond, told);  // still away
  CHECK(std::filesystem::exists(kept));
  SUBCASE("whole") {
    store.set_away(false);
    next.tick(now + 40 * kSecond, told);
    CHECK(store.counts().jobs_ready == 1);  // the other one
    CHECK(store.counts().jobs_leased == 0);
    CHECK(store.claim(JobKind::kExtract, kNoon, kSecond, true)->first_seq == 20);
  }
  SUBCASE("damaged: it is asked again") {
    std::fstream(kept, std::ios::in | std::ios::out).seekp(20) << "x";
    store.set_away(false);
    next.tick(now + 40 * kSecond, told);
    CHECK(store.counts().jobs_ready == 2);
  }
  CHECK_FALSE(std::filesystem::exists(kept));
}

TEST_CASE_FIXTURE(
    Fixture,
    "what is forgotten while the database is away goes from kept answers at once, and is not learnt") {
  constexpr const char* kCanary = "Quetzalcoatl";
  const std::string answer =
      R"({"facts":[{"subject":"user","predicate":"cat_name","object":"Quetzalcoatl","statement":"The cat is Quetzalcoatl."}],"entities":[]})";
  const auto kept = [&] {
    std::ifstream file(folder.path() / "memory" / "answers.kept");
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  DatabaseTask task(store, folders, [] { return kNoon; });
  task.tick(now, told);
  exchange_comes(task, 10, "My cat is Quetzalcoatl.");
  for (TurnRecord& r : exchange(2, 10, "I like tea.", "Ah."))
    task.handle({ask::Store{++frame, std::move(r)}}, told);
  std::vector<Job> jobs;
  for (int i = 0; i < 2; ++i) {
    task.handle({ask::Claim{false}}, told);
    jobs.push_back(*last<told::Claimed>().job);
  }
  store.set_away(true);
  for (const Job& job : jobs)
    task.handle(
        {ask::Finish{job, job.conversation == key(1, 0).conversation ? answer : std::string(kEmptyAnswer)}},
        told);
  task.handle({ask::FinishCommunity{1, "A cat called Quetzalcoatl."}}, told);
  REQUIRE(kept().find(kCanary) != std::string::npos);
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(1, 10), "");
  wish.last_sequence = 11;
  const auto forget = [&](DatabaseTask& by) {
    by.handle({ask::Store{++frame, wish}}, told);
    CHECK(kept().find(kCanary) == std::string::npos);
    CHECK(kept().find(to_uuid(key(2, 0).conversation)) !=
          std::string::npos);  // the other conversation's stays
    store.set_away(false);
    by.tick(now + 40 * kSecond, told);
    CHECK(store.counts().messages == 2);
    CHECK(store.active_facts(10).empty());
    CHECK(store.counts().jobs_ready + store.counts().jobs_leased == 0);  // that one is done
  };
  SUBCASE("by the process that kept them") { forget(task); }
  SUBCASE("by the next one") {
    DatabaseTask next(store, folders, [] { return kNoon; });
    next.tick(now, told);
    forget(next);
  }
}

TEST_CASE_FIXTURE(Fixture, "what earlier processes have spooled is counted, until it is in the database") {
  {
    SpoolWriter writer(folders.own_spool);
    writer.append(exchange(1, 10, "I like tea.", "Ah."));
    writer.close_file();
    writer.append(exchange(1, 20, "I like cake.", "Ah."));
  }
  store.set_away(true);
  DatabaseTask task(store, folders, [] { return kNoon; });
  SUBCASE("it is looked at first") { task.tick(now, told); }
  SUBCASE("something comes first") {}
  exchange_comes(task, 30, "I like rain.");
  task.tick(now + 20 * kSecond, told);
  CHECK(last<told::Gauges>().spooled == 12);
  SUBCASE("it ends like that") {
    task.handle({ask::Close{}}, told);
    CHECK(last<told::Closed>().spooled == 12);
    DatabaseTask next(store, folders, [] { return kNoon; });
    next.handle({ask::Close{}}, told);
    CHECK(last<told::Closed>().spooled == 12);
  }
  SUBCASE("the database comes") {
    store.set_away(false);
    task.tick(now + 40 * kSecond, told);
    CHECK(last<told::Gauges>().spooled == 0);
    CHECK(store.counts().messages == 6);
    task.handle({ask::Close{}}, told);
    CHECK(last<told::Closed>().spooled == 0);
  }
}

TEST_CASE_FIXTURE(Fixture, "dead letters are kept by number and age, and it is told how many went") {
  DatabaseTask::Folders few = folders;
  few.dead.most = 2;
  DatabaseTask strict(store, few, wall_now);
  strict.tick(now, told);
  store.set_refusing(true);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    TurnRecord wish = record(TurnRecord::Kind::kForget, key(9, i), "");
    wish.last_sequence = i;
    strict.handle({ask::Store{++frame, wish}}, told);
  }
  store.set_refusing(false);
  const auto rejected = folder.path() / "memory" / "rejected";
  CHECK(spool_files(rejected, ".spool").size() == 4);
  now += 20 * kSecond;
  strict.tick(now, told);
  CHECK(spool_files(rejected, ".spool").size() == 2);
  CHECK(last<told::Gauges>().dead_dropped == 2);
}
