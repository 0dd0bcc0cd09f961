#include "memory/stores/postgres_vectors.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "memory/embedders/hashed.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

prot::test::PrivatePostgres& server() {
  static prot::test::PrivatePostgres postgres;
  static const bool started = (postgres.start(), true);
  (void)started;
  return postgres;
}

struct Fixture {
  Fixture() {
    (void)server().query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    store = make_postgres_store(server().conninfo(), "test");
    store->connect();
    vectors = make_postgres_vectors(server().conninfo());
    vectors->connect();
  }
  std::vector<PendingText> pending(const std::string& model, int limit = 100) {
    VectorStore::Cursor cursor;
    std::vector<PendingText> all;
    for (auto page = vectors->next_pending(model, &cursor, limit); !page.empty();
         page = vectors->next_pending(model, &cursor, limit))
      all.insert(all.end(), page.begin(), page.end());
    return all;
  }
  std::vector<StoredVector> stored(const std::string& model, int limit = 100) {
    VectorStore::Cursor cursor;
    std::vector<StoredVector> all;
    for (auto page = vectors->next_vectors(model, &cursor, limit); !page.empty();
         page = vectors->next_vectors(model, &cursor, limit))
      all.insert(all.end(), page.begin(), page.end());
    return all;
  }
  void embed(const std::string& model, const std::vector<PendingText>& texts) {
    const auto embedder = make_hashed_embedder();
    std::vector<NewVector> made;
    for (const PendingText& text : texts)
      made.push_back(
          {&text,
           PackedVector::of(
               embedder->embed(std::vector<std::string>{text.text}, TextKind::kDocument, {}).vectors[0])});
    vectors->store(model, made);
  }
  void add_fact(const std::string& statement) {
    (void)server().query(
        "BEGIN; INSERT INTO fact (fact_key, spo_key, subject, predicate, object, statement, "
        "valid_from) VALUES ('" +
        statement + "', '" + statement + "', 'user', 'likes', 'x', '" + statement +
        "', now()); INSERT INTO fact_source SELECT f.id, m.id FROM fact f, message m WHERE "
        "m.role = 'user' AND f.statement = '" +
        statement + "' ORDER BY m.id LIMIT 1; COMMIT");
  }
  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<VectorStore> vectors;
};

}  // namespace

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
