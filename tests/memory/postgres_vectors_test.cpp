#include "memory/stores/postgres_vectors.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/memory/vectors_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

using Fixture = VectorsFixture;
using prot::memory::test::server;

TEST_CASE_FIXTURE(Fixture, "what has no vector of the model is found, stored once, and read back by pages") {
  for (std::uint64_t i = 0; i < 10; ++i)
    store->append(exchange(1, 10 + 2 * i, "I like tea " + std::to_string(i) + ".", R"(A "b", {c} \d\, 'e')"),
                  kNoon);
  store->append(std::vector<TurnRecord>{segment(key(1, 99), 0, "still speaking")}, kNoon);
  add_fact("The user likes tea.");
  std::vector<PendingText> texts = pending("m", 7);
  REQUIRE(texts.size() == 21);
  CHECK(texts[0].text == "I like tea 0.");
  CHECK(texts[0].key == VectorKey::of(key(1, 10)));
  CHECK(texts[20].fact);
  CHECK(texts[20].key == VectorKey::of_statement("The user likes tea."));
  CHECK(vectors->counts("m").pending == 21);
  embed("m", texts);
  embed("m", texts);
  CHECK(pending("m").empty());
  CHECK(vectors->counts("m").stored == 21);
  CHECK(vectors->counts("m").pending == 0);
  const std::vector<StoredVector> read = stored("m", 4);
  REQUIRE(read.size() == 21);
  for (std::size_t i = 0; i < read.size(); ++i) CHECK(read[i].key == texts[i].key);
  CHECK(read[3].vector.values.size() == kHashedDimension);
  CHECK(vectors->last_message() >= 21);
}

TEST_CASE_FIXTURE(Fixture,
                  "more than a statement takes at once is stored by several, also what alone is larger") {
  for (std::uint64_t i = 0; i < 40; ++i)
    store->append(exchange(1, 10 + 2 * i, "I like tea " + std::to_string(i) + ".",
                           std::string(i == 7   ? 20'000
                                       : i == 8 ? 12'289
                                                : 1,
                                       'a')),
                  kNoon);
  const std::vector<PendingText> texts = pending("m");
  REQUIRE(texts.size() == 80);
  embed("m", texts);
  CHECK(pending("m").empty());
  const std::vector<StoredVector> read = stored("m");
  REQUIRE(read.size() == 80);
  for (std::size_t i = 0; i < read.size(); ++i) CHECK(read[i].key == texts[i].key);
}

TEST_CASE_FIXTURE(Fixture, "a change of the model makes everything pending, going back makes nothing") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  embed("old", pending("old"));
  CHECK(pending("new").size() == 2);
  CHECK(stored("new").empty());
  embed("new", pending("new"));
  CHECK(pending("old").empty());
  CHECK(stored("old").size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a refused text is neither pending nor found") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  const std::vector<PendingText> texts = pending("m");
  const std::vector<NewVector> refused{{&texts[0], std::nullopt}};
  vectors->store("m", refused);
  CHECK(pending("m").size() == 1);
  CHECK(stored("m").empty());
}

TEST_CASE_FIXTURE(Fixture, "with a message or fact its vectors are gone, and none comes late") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  store->append(exchange(1, 20, "I like cake.", "Oh."), kNoon);
  add_fact("The user likes tea.");
  const std::vector<PendingText> texts = pending("m");
  embed("m", texts);
  (void)server().query("DELETE FROM message WHERE text = 'I like tea.'");
  (void)server().query("UPDATE message SET text = '' WHERE text = 'I like cake.'");
  CHECK(server().query("SELECT count(*) FROM message_embedding") == "2");
  CHECK(server().query("SELECT count(*) FROM fact_embedding") == "0");
  embed("m", texts);  // an answer of the service that was under way
  CHECK(server().query("SELECT count(*) FROM message_embedding") == "2");
  CHECK(server().query("SELECT count(*) FROM fact_embedding") == "0");
}

TEST_CASE_FIXTURE(Fixture, "a damaged vector is passed over, a broken connection is away") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  embed("m", pending("m"));
  (void)server().query("UPDATE message_embedding SET vector = '\\x00' WHERE message_id = 1");
  CHECK(stored("m").size() == 1);
  (void)server().query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type "
      "= 'client backend'");
  try {
    (void)stored("m");  // libpqxx may have connected anew
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kAway);
  }
  vectors->close();
  CHECK_THROWS_AS((void)stored("m"), StoreError);
}

TEST_CASE_FIXTURE(Fixture, "a call that hangs ends when it is told to, and none begins after it") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  std::jthread holder([] {
    try {
      (void)server().query("BEGIN; LOCK TABLE message IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(60)");
    } catch (const Error&) {  // it is ended below
    }
  });
  const auto count = [](const std::string& what) {
    return server().query("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND " + what);
  };
  while (count("query LIKE '%pg_sleep%' AND wait_event = 'PgSleep'") != "1") std::this_thread::yield();
  std::atomic<bool> failed = false;
  std::jthread caller([&] {
    try {
      (void)pending("m");
    } catch (const StoreError& e) {
      failed = e.kind() == StoreError::Kind::kAway;
    }
  });
  while (count("wait_event_type = 'Lock'") != "1") std::this_thread::yield();
  vectors->abort();
  caller.join();
  CHECK(failed);
  CHECK_THROWS_AS((void)pending("m"), StoreError);
  (void)server().query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' "
      "AND pid <> pg_backend_pid()");
}

TEST_CASE_FIXTURE(Fixture, "without the extension pgvector the store says so, and makes nothing for it") {
  if (server().query("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'") != "0") return;
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  embed("m", pending("m"));
  CHECK(vectors->keep_near("m", kHashedDimension).state == StoreNear::State::kAbsent);
  CHECK(server().query("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_near%'") == "0");
  CHECK(stored("m").size() == 2);
  const std::string stats = store->keeper()->look(Keeper::Look::kSizes, {}).at(0).json;
  CHECK(stats.find(R"("pgvector" : null)") != std::string::npos);
}

TEST_CASE(
    "before the tables are made nothing asks for them: that is away, and no error in the server's log") {
  (void)server().query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  const auto vectors = make_postgres_vectors(server().conninfo());
  try {
    vectors->connect();
    CHECK(false);
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kAway);
    CHECK(std::string(e.what()).find("no tables yet") != std::string::npos);
  }
  make_postgres_store(server().conninfo(), "test")->connect();
  CHECK_NOTHROW(vectors->connect());
}
