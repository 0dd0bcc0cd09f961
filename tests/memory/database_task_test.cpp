#include <doctest/doctest.h>

#include <fstream>

#include "json/json.hpp"
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
  Fixture() : task(store, {folder.path() / "memory", folder.path() / "brain"}, [this] { return wall; }) {}

  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Told& item : told)
      if (const T* one = std::get_if<T>(&item)) found.push_back(*one);
    return found;
  }
  void tick(Nanos by = 20 * kSecond) {
    now += by;
    task.tick(now, told);
  }
  void handle(std::vector<Ask> asks) { task.handle(std::move(asks), told); }
  /// One exchange as the stage would post it; frames are numbered on.
  void exchange_comes(std::uint64_t sequence, const std::string& said) {
    std::vector<Ask> asks;
    for (TurnRecord& r : exchange(1, sequence, said, "Ah."))
      asks.emplace_back(ask::Store{++frame, std::move(r)});
    handle(std::move(asks));
  }
  std::size_t spool_count() const { return spool_files(folder.path() / "memory", ".spool").size(); }
  Counts counts() { return store.counts(); }

  const prot::test::TempFolder folder;
  InMemoryStore store;
  Nanos wall = kNoon;
  Nanos now = kSecond;
  std::uint64_t frame = 0;
  std::vector<Told> told;
  DatabaseTask task;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "messages are committed, told through the last frame, and counted") {
  tick();
  CHECK(task.up());
  REQUIRE(all<told::Loaded>().size() == 1);
  CHECK(all<told::Loaded>()[0].complete);
  exchange_comes(10, "I live in Busan.");
  const auto stored = all<told::Stored>();
  REQUIRE(stored.size() == 1);
  CHECK(stored[0].through_frame == 4);
  CHECK(stored[0].messages.size() == 2);  // the user's, and the finished reply
  CHECK(all<told::Gauges>().back().counts.messages == 2);
}

TEST_CASE_FIXTURE(Fixture, "with the database away messages go to the spool and come back once, in order") {
  store.set_away(true);
  tick();
  CHECK_FALSE(task.up());
  exchange_comes(10, "I live in Busan.");
  exchange_comes(20, "I like tea.");
  CHECK(all<told::Stored>().size() == 2);  // safe: the frames may go
  CHECK(all<told::Stored>().back().through_frame == 8);
  tick(kMillisecond);
  CHECK(all<told::Gauges>().back().up == false);
  tick();
  CHECK(all<told::Gauges>().back().spooled == 8);
  CHECK(spool_count() == 1);

  store.set_away(false);
  tick();
  CHECK(task.up());
  CHECK(counts().messages == 4);
  CHECK(counts().jobs_ready == 2);
  CHECK(spool_count() == 0);
  CHECK(all<told::Gauges>().back().spooled == 0);
  CHECK(all<told::Gauges>().back().replayed == 8);
  exchange_comes(30, "I play the cello.");
  CHECK(counts().messages == 6);
  CHECK(store.history(key(1, 0).conversation, 10)[0].text == "I live in Busan.");
}

TEST_CASE("what the spool brings before the load is told once, behind what is older") {
  const prot::test::TempFolder folder;
  InMemoryStore store;
  store.connect();
  store.append(exchange(1, 10, "I live in Busan.", "Ah."), kNoon);
  {
    SpoolWriter writer(folder.path() / "memory");
    writer.append(exchange(1, 20, "I like tea.", "Ah."));
  }
  DatabaseTask task(store, {folder.path() / "memory", folder.path() / "brain"}, [] { return kNoon; });
  std::vector<Told> told;
  task.tick(20 * kSecond, told);
  std::vector<std::string> texts;
  for (const Told& item : told) {
    if (const auto* loaded = std::get_if<told::Loaded>(&item))
      for (const Message& message : loaded->messages) texts.push_back(message.text);
    if (const auto* stored = std::get_if<told::Stored>(&item))
      for (const Message& message : stored->messages) texts.push_back(message.text);
  }
  CHECK(texts == std::vector<std::string>{"I live in Busan.", "Ah.", "I like tea.", "Ah."});
}

TEST_CASE_FIXTURE(Fixture, "a connection that breaks in the middle loses nothing and doubles nothing") {
  tick();
  exchange_comes(10, "I live in Busan.");
  store.set_away(true);
  exchange_comes(20, "I like tea.");  // fails in the commit: spooled in the same breath
  CHECK_FALSE(task.up());
  CHECK(spool_count() == 1);
  store.set_away(false);
  tick();
  CHECK(counts().messages == 4);
  // The commit may have happened before the connection broke: the same frames come again.
  exchange_comes(20, "I like tea.");
  CHECK(counts().messages == 4);
  CHECK(counts().jobs_ready == 2);
}

TEST_CASE_FIXTURE(Fixture, "neither database nor disk: the frames are kept and tried again") {
  store.set_away(true);
  std::ofstream(folder.path() / "memory") << "in the way";
  tick();
  exchange_comes(10, "I live in Busan.");
  CHECK(all<told::Stored>().empty());
  std::filesystem::remove(folder.path() / "memory");
  tick();
  CHECK(all<told::Stored>().size() == 1);
  CHECK(all<told::Stored>()[0].through_frame == 4);
}

TEST_CASE_FIXTURE(Fixture, "a damaged spool file gives what stood before the damage and is kept aside") {
  std::filesystem::create_directories(folder.path() / "memory");
  {
    SpoolWriter writer(folder.path() / "memory");
    writer.append(exchange(1, 10, "I live in Busan.", "Ah."));
  }
  const auto path = spool_files(folder.path() / "memory", ".spool")[0];
  std::ofstream(path, std::ios::app) << std::string("\x05\0\0\0\0\0\0\0helloworldworld", 23);
  tick();
  CHECK(counts().messages == 2);
  CHECK(spool_count() == 0);
  CHECK(std::filesystem::exists(path.string() + ".bad"));
}

TEST_CASE_FIXTURE(Fixture, "an answer is applied at once; one that cannot be used is dead, with its text") {
  tick();
  exchange_comes(10, "I like tea.");
  handle({ask::Claim{false}});
  REQUIRE(all<told::Claimed>().back().job);
  SUBCASE("applied") {
    handle({ask::Finish{*all<told::Claimed>().back().job,
                        R"({"facts":[{"subject":"user","predicate":"likes","object":"tea","statement":)"
                        R"("The user likes tea."}],"entities":[]})"}});
    CHECK(counts().facts == 1);
    CHECK(counts().jobs_ready == 0);
    CHECK(all<told::Facts>().back().facts.size() == 1);
    int done = 0;
    for (const told::JobsDone& one : all<told::JobsDone>()) done += one.count;
    CHECK(done == 2);  // extract and apply
  }
  SUBCASE("dead") {
    handle({ask::Finish{*all<told::Claimed>().back().job, "not JSON"}});
    CHECK(counts().jobs_dead == 1);
    CHECK(counts().jobs_ready == 0);
  }
  SUBCASE("refused: dead, once, and the connection stays") {
    store.set_refusing(true);
    handle({ask::Finish{*all<told::Claimed>().back().job, std::string(kEmptyAnswer)}});
    CHECK(counts().jobs_dead == 1);
    CHECK(all<told::Gauges>().back().up);
    exchange_comes(20, "I like cake.");
    CHECK(spool_count() == 0);
  }
  SUBCASE("the connection breaks when the answer comes: it is kept for the next one") {
    store.set_away(true);
    handle({ask::Finish{*all<told::Claimed>().back().job, std::string(kEmptyAnswer)}});
    CHECK(all<told::JobClosed>().size() == 1);
    store.set_away(false);
    tick();
    CHECK(counts().jobs_ready == 0);
    CHECK(counts().jobs_leased == 0);
  }
}

TEST_CASE_FIXTURE(Fixture, "past the day's budget no job is given out, the next day they are") {
  DatabaseTask thrifty(store, {folder.path() / "memory", folder.path() / "brain"}, [this] { return wall; },
                       {2, 100});
  const auto claims = [&] {
    told.clear();
    thrifty.handle({ask::Claim{true}}, told);
    return all<told::Claimed>().back().job.has_value();
  };
  thrifty.tick(now, told);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const TurnRecord said = user(key(i, 10), "I like tea.");
    thrifty.handle({ask::Store{++frame, said}}, told);
  }
  CHECK(claims());
  thrifty.handle({ask::Use{{1, 10}}}, told);
  CHECK(claims());
  SUBCASE("of calls, noted while the database was away, too") {
    store.set_away(true);
    thrifty.handle({ask::Use{{1, 10}}}, told);
    (void)claims();
    store.set_away(false);
    thrifty.tick(now + 100 * kSecond, told);
  }
  SUBCASE("of tokens") { thrifty.handle({ask::Use{{0, 90}}}, told); }
  CHECK_FALSE(claims());
  wall += kDay;
  CHECK(claims());
  CHECK(store.model_use(wall - kDay).calls >= 1);
  CHECK(store.model_use(wall).calls == 0);
}

TEST_CASE_FIXTURE(Fixture, "a wish that the store refuses is kept aside, and holds up nothing behind it") {
  store.set_away(true);
  tick();
  TurnRecord wish = record(TurnRecord::Kind::kForget, key(9, 10), "");
  wish.last_sequence = 15;
  handle({ask::Store{++frame, wish}});
  exchange_comes(10, "I live in Busan.");
  store.set_refusing(true);
  store.set_away(false);
  tick();
  CHECK(task.up());
  CHECK(counts().messages == 2);
  CHECK(spool_count() == 0);
  CHECK(spool_files(folder.path() / "memory" / "rejected", ".spool").size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a summary whose connection breaks is kept for the next one") {
  tick();
  exchange_comes(10, "My sister Anna lives in Toronto with her cat Misty.");
  handle({ask::Claim{false}});
  const auto of = [&](const char* subject, const char* predicate, const char* object) {
    json::Writer out;
    const std::string statement = std::string(subject) + " " + predicate + " " + object + ".";
    out.begin_object().member("subject", subject).member("predicate", predicate).member("object", object);
    return out.member("statement", statement).end_object().str();
  };
  handle({ask::Finish{*all<told::Claimed>().back().job,
                      R"({"facts":[)" + of("user", "sister", "Anna") + "," +
                          of("Anna", "lives_in", "Toronto") + "," + of("Anna", "cat", "Misty") +
                          R"(],"entities":[{"name":"Anna","type":"person","description":""},)"
                          R"({"name":"Toronto","type":"place","description":""},)"
                          R"({"name":"Misty","type":"thing","description":""}]})"}});
  REQUIRE(counts().facts == 3);
  handle({ask::ClaimCommunity{true}});
  REQUIRE(all<told::CommunityClaimed>().back().task);
  store.set_away(true);
  handle({ask::FinishCommunity{all<told::CommunityClaimed>().back().task->id, "Anna lives in Toronto."}});
  CHECK(all<told::JobClosed>().size() == 2);
  store.set_away(false);
  tick();
  REQUIRE(store.communities(10).size() == 1);
  CHECK(store.communities(10)[0].summary == "Anna lives in Toronto.");
  CHECK(all<told::Communities>().back().communities.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "what is left when it closes without a database is told as it was last known") {
  tick();
  exchange_comes(10, "I live in Busan.");
  store.set_away(true);
  exchange_comes(20, "I like tea.");
  handle({ask::Close{}});
  REQUIRE(all<told::Closed>().size() == 1);
  CHECK(all<told::Closed>()[0].counts.jobs_ready == 1);
  CHECK(all<told::Closed>()[0].spooled == 4);
}

TEST_CASE_FIXTURE(Fixture, "a stored answer whose application broke off is applied when its lease is over") {
  tick();
  exchange_comes(10, "I like tea.");
  const std::optional<Job> extract = store.claim(JobKind::kExtract, wall, kDay, true);
  REQUIRE(store.finish_extract(*extract, std::string(kEmptyAnswer), wall));
  REQUIRE(store.claim(JobKind::kApply, wall, 30 * kSecond, true));  // and the connection broke
  tick();
  CHECK(counts().jobs_leased == 1);
  wall += 31 * kSecond;
  tick();
  CHECK(counts().jobs_leased == 0);
  CHECK(counts().jobs_ready == 0);
}

TEST_CASE_FIXTURE(Fixture, "a predecessor's answer is applied and its leases are freed at start") {
  store.connect();
  store.append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  store.append(exchange(1, 20, "I like cake.", "Ah."), kNoon);
  const std::optional<Job> first = store.claim(JobKind::kExtract, kNoon, kDay, true);
  REQUIRE(store.finish_extract(*first, std::string(kEmptyAnswer), kNoon));
  REQUIRE(store.claim(JobKind::kExtract, kNoon, kDay, true));  // and then it died
  tick();
  CHECK(counts().jobs_leased == 0);
  CHECK(counts().jobs_ready == 1);
  CHECK(all<told::Loaded>()[0].messages.size() == 4);
}

TEST_CASE_FIXTURE(Fixture, "a long past is read page by page, each when the one before was taken in") {
  store.connect();
  for (std::uint64_t i = 0; i < 600; ++i) {
    const TurnRecord said = user(key(1, i), "This is number " + std::to_string(i) + ".");
    store.append({&said, 1}, kNoon);
  }
  tick();
  REQUIRE(all<told::Loaded>().size() == 1);
  CHECK(all<told::Loaded>()[0].messages.size() == 500);
  CHECK(all<told::Facts>().empty());
  tick();
  CHECK(all<told::Loaded>().size() == 1);
  store.set_away(true);
  handle({ask::LoadMore{}});
  CHECK(all<told::Loaded>().size() == 1);
  store.set_away(false);
  tick();  // the next connection goes on
  REQUIRE(all<told::Loaded>().size() == 2);
  CHECK(all<told::Loaded>()[1].messages.front().text == "This is number 500.");
  handle({ask::LoadMore{}});
  CHECK(all<told::Loaded>().back().complete);
  CHECK(all<told::Facts>().size() == 1);
  handle({ask::LoadMore{}});
  CHECK(all<told::Loaded>().size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "a search is answered, with nothing when the database is away") {
  tick();
  exchange_comes(10, "I live in Busan.");
  handle({ask::Search{{}, "Busan?", {"busan"}, kNoon + kDay}});
  REQUIRE(all<told::Found>().size() == 1);
  REQUIRE(all<told::Found>()[0].messages.size() == 1);
  CHECK(all<told::Found>()[0].messages[0].text == "I live in Busan.");
  CHECK(all<told::Found>()[0].search.query == "Busan?");
  store.set_away(true);
  handle({ask::Search{{}, "Busan?", {"busan"}, kNoon + kDay}});
  CHECK(all<told::Found>().back().messages.empty());
}

TEST_CASE_FIXTURE(Fixture, "history is answered, or said to have failed") {
  tick();
  exchange_comes(10, "I live in Busan.");
  handle({ask::History{key(1, 0).conversation, 7, 10}});
  CHECK(all<told::History>().back().messages.size() == 2);
  CHECK(all<told::History>().back().question.request == 7);
  store.set_away(true);
  handle({ask::History{key(1, 0).conversation, 8, 10}});
  CHECK(all<told::History>().back().failed);
}

TEST_CASE_FIXTURE(Fixture, "closing tries once more to bring the spool home") {
  store.set_away(true);
  tick();
  exchange_comes(10, "I live in Busan.");
  store.set_away(false);
  handle({ask::Close{}});
  REQUIRE(all<told::Closed>().size() == 1);
  CHECK(all<told::Closed>()[0].counts.messages == 2);
  CHECK(spool_count() == 0);
  CHECK(task.next_tick() == kNever);
}
