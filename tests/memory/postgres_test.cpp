#include <doctest/doctest.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "memory/schema/schema.hpp"
#include "memory/stores/postgres.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/memory/postgres_server.hpp"
#include "tests/memory/store_contract.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;

namespace {

struct Fixture {
  Fixture() {
    (void)server().query(kEmpty);
    store = make_postgres_store(server().conninfo(), "test");
    store->connect();
  }
  std::unique_ptr<MemoryStore> store;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "PostgreSQL keeps the contract of stores") {
  SUBCASE("a message is stored once") { contract_messages_once(*store); }
  SUBCASE("old messages are found by their words") { contract_search(*store); }
  SUBCASE("segments grow a reply, its end replaces them") { contract_segments_and_end(*store); }
  SUBCASE("an exchange brings one job") { contract_job_of_an_exchange(*store); }
  SUBCASE("a lease guards a job") { contract_leases(*store); }
  SUBCASE("failures wait, then die visibly") { contract_failures(*store); }
  SUBCASE("a clock that was wrong keeps nothing waiting") { contract_wrong_clock(*store); }
  SUBCASE("the dead are not kept for ever") { contract_old_dead(*store); }
  SUBCASE("facts are applied once and replace each other") { contract_facts(*store); }
  SUBCASE("names in any form mean one entity") { contract_names(*store); }
  SUBCASE("what held before can be asked for") { contract_history(*store); }
  SUBCASE("entities are merged, and a merge undone") { contract_merge(*store); }
  SUBCASE("what is suspicious waits for a person") { contract_quarantine(*store); }
  SUBCASE("exchanges are asked about together") { contract_batch(*store); }
  SUBCASE("known entities are offered by number") { contract_offered(*store); }
  SUBCASE("communities are read by generation") { contract_communities(*store); }
  SUBCASE("facts that are told count their reads") { contract_reads(*store); }
  SUBCASE("what is forgotten stays forgotten, and nothing else goes") { contract_forget(*store); }
}

TEST_CASE("the server is of the version that was asked for") {
  const char* wanted = std::getenv("PROT_TEST_POSTGRES_VERSION");
  const std::string version = server().query("SHOW server_version");
  INFO(version);
  CHECK((wanted == nullptr || version.starts_with(std::string(wanted) + ".")));
}

TEST_CASE_FIXTURE(Fixture, "records that come together are kept as those that come one after the other") {
  // Two conversations; some replies are cut short, some never end, much comes a second time.
  std::mt19937 dice(8);
  std::vector<TurnRecord> records;
  for (std::uint64_t i = 1; i <= 120; ++i) {
    std::vector<TurnRecord> turn =
        exchange(1 + i % 2, 10 * i, "Said " + std::to_string(i) + ", \"so\\\".", "Ah, 그래요.");
    if (dice() % 4 == 0) turn.pop_back();
    if (dice() % 8 == 0) std::swap(turn[1], turn[2]);
    if (dice() % 8 == 0) turn.back().interrupted = true;
    if (dice() % 8 == 0) turn[0].text.clear();
    records.insert(records.end(), turn.begin(), turn.end());
    const std::size_t back = dice() % 12;
    if (back < 6 && back < records.size()) {
      const std::vector<TurnRecord> again(records.end() - static_cast<std::ptrdiff_t>(back), records.end());
      records.insert(records.end(), again.begin(), again.end());
    }
  }
  const auto look = [] {
    return server().query(
        "SELECT conversation_id, seq, role, channel, text, at, interrupted, open FROM message ORDER BY id; "
        "SELECT m.conversation_id, m.seq, s.segment, s.text FROM message_segment s JOIN message m ON m.id = "
        "s.message_id ORDER BY 1, 2, 3; SELECT dedupe_key, first_seq, last_seq, run_after, state FROM "
        "memory_job ORDER BY id; SELECT * FROM conversation ORDER BY id");
  };
  for (const TurnRecord& record : records) store->append({&record, 1}, kNoon);
  const std::string wanted = look();
  for (const std::size_t most : {7U, 40U, 1000U}) {
    (void)server().query(kEmpty);
    store->connect();
    for (std::size_t begin = 0; begin < records.size();) {
      const std::size_t count = std::min<std::size_t>(1 + dice() % most, records.size() - begin);
      store->append(std::span(records).subspan(begin, count), kNoon);
      begin += count;
    }
    CHECK(look() == wanted);
    store->append(records, kNoon);
    CHECK(look() == wanted);
  }
}

TEST_CASE_FIXTURE(Fixture, "the schema is brought up to date once, by however many at a time") {
  const std::string version = std::to_string(migrations().back().version);
  store->connect();
  CHECK(server().query("SELECT max(version) FROM schema_version") == version);
  (void)server().query(kEmpty);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] { make_postgres_store(server().conninfo(), "test")->connect(); });
  threads.clear();
  CHECK(server().query("SELECT count(*) FROM schema_version") == std::to_string(migrations().size()));
  CHECK(server().query("SELECT count(*) FROM message") == "0");
}

TEST_CASE_FIXTURE(Fixture, "of a long past only what came since is counted, and all of it after some went") {
  const auto say = [&](std::uint64_t sequence) {
    store->append(exchange(1, sequence, "I like tea.", "Ah."), kNoon);
  };
  say(10);
  CHECK(store->counts().messages == 2);
  // Behind its back, so that it shows whether those are counted once more.
  (void)server().query("DELETE FROM message WHERE seq = 11");
  CHECK(store->counts().messages == 2);
  say(20);
  CHECK(store->counts().messages == 4);
  ForgetTarget target;
  target.conversation = key(1, 0).conversation;
  target.first = 20;
  target.last = 21;
  (void)store->forget(target, kNoon, false);
  CHECK(store->counts().messages == 1);
  say(30);
  store->connect();
  CHECK(store->counts().messages == 3);
  CHECK(server()
            .query("SET enable_seqscan = off; EXPLAIN SELECT count(*) FROM memory_job WHERE state = 'dead'")
            .find("memory_job_dead") != std::string::npos);
}

// An index over years of messages takes longer than a statement may at other times.
TEST_CASE("a step forward takes the time that it takes, and one that is broken off is done again") {
  (void)server().query(kEmpty);
  const auto takes = [](const std::string& seconds) {
    (void)server().query(
        "CREATE OR REPLACE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN IF tg_tag = "
        "'CREATE INDEX' THEN PERFORM pg_sleep(" +
        seconds + "); END IF; END $$");
  };
  takes("0.4");
  (void)server().query("CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION slow()");
  const auto connect = [] {
    const std::string impatient = server().conninfo() + " options='-c statement_timeout=300'";
    make_postgres_store(make_connection_pool(impatient, 1, 2, 300 * kMillisecond), "test")->connect();
  };
  SUBCASE("it takes long") { connect(); }
  SUBCASE("its connection breaks") {
    takes("600");
    std::jthread begun([&] { CHECK_THROWS_AS(connect(), StoreError); });
    const std::string asleep = " FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    while (server().query("SELECT count(*)" + asleep) == "0") std::this_thread::yield();
    CHECK(server().query("SELECT to_regclass('schema_version') IS NULL") == "t");
    (void)server().query("SELECT pg_terminate_backend(pid)" + asleep);
    begun.join();
    CHECK(server().query("SELECT to_regclass('message') IS NULL") == "t");
    takes("0");
    connect();
  }
  CHECK(server().query("SELECT count(*) FROM schema_version") == std::to_string(migrations().size()));
  (void)server().query("DROP EVENT TRIGGER slow");
}

TEST_CASE_FIXTURE(Fixture, "a database of a newer prot is left alone") {
  (void)server().query("INSERT INTO schema_version (version, name) VALUES (999, 'future')");
  try {
    make_postgres_store(server().conninfo(), "test")->connect();
    FAIL("it connected");
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kBroken);
    CHECK(std::string(e.what()).find("999") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Fixture, "no active fact lives without a message that says so") {
  store->append(exchange(1, 10, "I like tea.", "Ah."), kNoon);
  const std::string insert =
      "INSERT INTO fact (fact_key, spo_key, subject, predicate, object, statement, valid_from) VALUES ('k', "
      "'s', 'user', 'likes', 'tea', 'The user likes tea.', now())";
  CHECK_THROWS((void)server().query(insert));
  CHECK(server().query("SELECT count(*) FROM fact") == "0");
  (void)server().query("BEGIN; " + insert +
                       "; INSERT INTO fact_source SELECT f.id, m.id FROM fact f, message m WHERE m.role = "
                       "'user'; COMMIT");
  CHECK(server().query("SELECT count(*) FROM fact") == "1");
  // Forgetting the message forgets what only it said.
  (void)server().query("DELETE FROM message WHERE role = 'user'");
  CHECK(server().query("SELECT count(*) FROM fact") == "0");
}

TEST_CASE_FIXTURE(Fixture, "message and job are committed together or not at all") {
  // The job's insert fails: the message is not there either.
  (void)server().query("ALTER TABLE memory_job ADD CONSTRAINT no_jobs CHECK (false) NOT VALID");
  const TurnRecord said = user(key(1, 10), "I live in Busan.");
  CHECK_THROWS_AS(store->append({&said, 1}, kNoon), StoreError);
  CHECK(server().query("SELECT count(*) FROM message") == "0");
  CHECK(server().query("SELECT count(*) FROM conversation") == "0");
  (void)server().query("ALTER TABLE memory_job DROP CONSTRAINT no_jobs");
  store->append({&said, 1}, kNoon);
  CHECK(server().query("SELECT count(*) FROM message m JOIN memory_job j ON j.first_seq = m.seq") == "1");
}

TEST_CASE_FIXTURE(Fixture, "what the database refuses is told apart from a database that is away") {
  // Longer than the schema has it, longer than an index takes it: nothing behind it waits for that.
  (void)server().query("CREATE INDEX too_small ON message (text)");
  std::string long_words;
  for (int i = 0; i < 4000; ++i) long_words += std::to_string(1'000'003ULL * static_cast<unsigned>(i)) + " ";
  for (const std::string& text : {std::string(300'000, 'x'), long_words}) {
    CAPTURE(text.size());
    const TurnRecord huge = user(key(1, 10), text);
    try {
      store->append({&huge, 1}, kNoon);
      FAIL("it was taken");
    } catch (const StoreError& e) {
      CHECK(e.kind() == StoreError::Kind::kRejected);
    }
  }
  (void)server().query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
      "AND backend_type = 'client backend'");
  // Either libpqxx has connected anew or it says that the database is away; nothing else.
  const TurnRecord said = user(key(1, 20), "I live in Busan.");
  try {
    store->append({&said, 1}, kNoon);
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kAway);
    store->connect();
    store->append({&said, 1}, kNoon);
  }
  CHECK(server().query("SELECT count(*) FROM message WHERE seq = 20") == "1");
}

TEST_CASE("a server that is not there is away") {
  const auto store = make_postgres_store("host=/nowhere dbname=prot user=prot connect_timeout=2", "test");
  try {
    store->connect();
    FAIL("it connected");
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kAway);
  }
  CHECK_THROWS_AS((void)store->counts(), StoreError);
}

TEST_CASE_FIXTURE(Fixture, "the original's tables in the same database are left as they are") {
  (void)server().query(kEmpty);
  // As the original made them, without its vectors.
  (void)server().query(
      "CREATE TABLE entities (id uuid PRIMARY KEY, namespace text, name text, type text, description text, "
      "UNIQUE (namespace, name)); CREATE TABLE relationships (id uuid PRIMARY KEY, source_id uuid REFERENCES "
      "entities, "
      "target_id uuid REFERENCES entities, type text, weight float); CREATE TABLE communities (id uuid "
      "PRIMARY KEY, "
      "summary text); CREATE TABLE community_members (community_id uuid, entity_id uuid); CREATE TABLE "
      "conversation_messages (id uuid PRIMARY KEY, role text, content text); INSERT INTO entities VALUES "
      "('00000000-0000-0000-0000-000000000001', 'default', 'Anna', 'person', 'a friend')");
  const auto look = [] {
    return server().query(
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM "
        "information_schema.columns WHERE "
        "table_name IN ('entities', 'relationships', 'communities', 'community_members', "
        "'conversation_messages') ORDER "
        "BY 1, 2; SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE "
        "conrelid::regclass::text IN ('entities', 'relationships', 'communities') ORDER BY 1, 2; SELECT * "
        "FROM entities");
  };
  const std::string before = look();
  store->connect();
  contract_facts(*store);
  CHECK(look() == before);
}

TEST_CASE_FIXTURE(Fixture, "a database that is read-only is said to be, and nothing is tried in it") {
  (void)server().query("ALTER DATABASE prot SET default_transaction_read_only = on");
  try {
    make_postgres_store(server().conninfo(), "test")->connect();
    FAIL("it connected");
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kBroken);
    CHECK(std::string(e.what()).find("read-only") != std::string::npos);
  }
  (void)server().query(
      "BEGIN; SET TRANSACTION READ WRITE; ALTER DATABASE prot RESET default_transaction_read_only; COMMIT");
  store->connect();
}

TEST_CASE_FIXTURE(Fixture, "what an older prot kept is there after each step forward") {
  for (std::size_t known = 1; known < migrations().size(); ++known) {
    CAPTURE(known);
    (void)server().query(kEmpty);
    (void)server().query(
        "CREATE TABLE schema_version (version integer PRIMARY KEY, name text NOT NULL, applied_at "
        "timestamptz NOT NULL "
        "DEFAULT now())");
    for (const Migration& migration : migrations().first(known))
      (void)server().query(std::string(migration.sql) +
                           "; INSERT INTO schema_version (version, name) VALUES (" +
                           std::to_string(migration.version) + ", 'x')");
    (void)server().query(
        "BEGIN; INSERT INTO conversation VALUES ('00000000-0000-0000-0000-000000000001', 'voice', now()); "
        "INSERT INTO "
        "message (conversation_id, seq, role, channel, text, at) VALUES "
        "('00000000-0000-0000-0000-000000000001', 1, "
        "'user', 'voice', 'I like tea.', now()); INSERT INTO entity (name) VALUES ('user'); INSERT INTO "
        "entity_alias "
        "(alias_norm, entity_id) SELECT 'user', id FROM entity; INSERT INTO fact (fact_key, spo_key, "
        "subject, predicate, "
        "object, statement, valid_from) VALUES ('k', 's', 'user', 'likes', 'tea', 'The user likes tea.', "
        "now()); INSERT "
        "INTO fact_source SELECT f.id, m.id FROM fact f, message m; COMMIT");
    store->connect();
    CHECK(store->counts().facts == 1);
    CHECK(store->active_facts(10).size() == 1);
    CHECK(store->entities(10).size() == 1);
    CHECK(server().query("SELECT max(version) FROM schema_version") ==
          std::to_string(migrations().back().version));
  }
}

TEST_CASE_FIXTURE(Fixture, "a community's summary goes with a fact that it tells of") {
  contract_names(*store);
  (void)server().query(
      "WITH c AS (INSERT INTO community (generation, content_key, summary, state) VALUES (1, 'k', 'of 민수', "
      "'done') "
      "RETURNING id), f AS (INSERT INTO community_fact SELECT c.id, fact.id FROM c, fact RETURNING 1) INSERT "
      "INTO "
      "community_member SELECT c.id, entity.id FROM c, entity");
  CHECK(server().query("SELECT count(*) FROM community") == "1");
  (void)server().query("DELETE FROM fact WHERE status = 'superseded'");
  CHECK(server().query("SELECT count(*) FROM community") == "0");
  CHECK(server().query("SELECT count(*) FROM community_member") == "0");
}
