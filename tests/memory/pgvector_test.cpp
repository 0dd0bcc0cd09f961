// A PostgreSQL that has pgvector (PROT_TEST_POSTGRES): what memory has no room for is searched there, and
// what goes from memory goes from there.
#include <doctest/doctest.h>

#include <cstdlib>

#include "base/subprocess.hpp"
#include "json/json.hpp"
#include "memory/stores/postgres_near.hpp"
#include "tests/memory/memory_bench.hpp"
#include "tests/memory/vectors_fixture.hpp"

using namespace prot;
using namespace prot::memory;
using namespace prot::memory::test;
using prot::memory::test::server;
using State = StoreNear::State;

namespace {

constexpr const char* kTopics[] = {"tea",   "a violin",    "sailing", "the garden",
                                   "Busan", "motorcycles", "bread",   "snow"};

struct Fixture : VectorsFixture {
  Fixture() : pool(make_connection_pool(server().conninfo(), 1, 6)) {}

  /// A past of so many messages, with vectors.
  void live(std::uint64_t count, const std::string& model = "m") {
    std::vector<TurnRecord> said;
    for (std::uint64_t i = 0; i < count; ++i)
      said.push_back(user(key(1, 10 + i), "Note " + std::to_string(i * 7919) + ": I like " + kTopics[i % 8] +
                                              " " + std::to_string(i % 31) + "."));
    store->append(said, kNoon);
    embed(model, pending(model));
  }
  StoreNear keep(VectorStore& kept, const std::string& model = "m") {
    StoreNear near = kept.keep_near(model, kHashedDimension);
    while (near.more) near = kept.keep_near(model, kHashedDimension);
    return near;
  }
  StoreNear keep(const std::string& model = "m") { return keep(*vectors, model); }
  /// As a new process does.
  StoreNear keep_anew(std::size_t exact = kNearExact, const std::string& model = "m") {
    vectors = make_postgres_vectors(pool, exact);
    vectors->connect();
    return keep(model);
  }
  Vector query(const std::string& text) {
    return make_hashed_embedder()->embed(std::vector<std::string>{text}, TextKind::kQuery, {}).vectors[0];
  }
  std::vector<VectorIndex::Near> search(const std::string& text, const std::string& model = "m") {
    return make_postgres_near(pool, model)->nearest(query(text), 10);
  }
  /// The same of an index in memory that has room for all.
  std::vector<VectorIndex::Near> oracle(const std::string& text, const std::string& model = "m") {
    VectorIndex index(64U << 20U);
    for (const StoredVector& one : stored(model)) CHECK(index.put(one.key, one.vector));
    return index.search(query(text), 10);
  }
  static std::string count(const std::string& table) {
    return server().query("SELECT count(*) FROM " + table);
  }

  std::shared_ptr<ConnectionPool> pool;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "the store's search finds what an index with room for all finds") {
  live(600);
  add_fact("The user likes licorice.");
  embed("m", pending("m"));
  const StoreNear near = keep();
  REQUIRE(near.state == State::kReady);
  CHECK(near.what.starts_with("pgvector "));
  CHECK(near.vectors == 601);
  for (const std::string question : {"Do I like sailing?", "licorice", "Note 7919"}) {
    const auto expected = oracle(question);
    const auto found = search(question);
    REQUIRE(found.size() == 10);
    CHECK(found[0].key == expected[0].key);
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(found[i].similarity == doctest::Approx(expected[i].similarity).epsilon(0.002));
  }
  CHECK(search("licorice")[0].key == VectorKey::of_statement("The user likes licorice."));
  (void)server().query("UPDATE fact SET status = 'superseded', valid_to = now()");
  CHECK(search("licorice")[0].key != VectorKey::of_statement("The user likes licorice."));
}

TEST_CASE_FIXTURE(Fixture, "what comes later is copied, once, and what is there already is left alone") {
  live(20);
  REQUIRE(keep().vectors == 20);
  store->append(exchange(2, 10, "My sister plays chess.", "Does she?"), kNoon);
  embed("m", pending("m"));
  CHECK(keep().vectors == 22);
  CHECK(keep().vectors == 22);
  CHECK(keep_anew().vectors == 22);
  CHECK(count("message_near") == "22");
  CHECK(search("chess sister")[0].key == VectorKey::of(key(2, 10)));
}

TEST_CASE_FIXTURE(
    Fixture, "with what is forgotten its copy goes: a message, a text that changed, a fact, everything") {
  live(10);
  add_fact("The user likes quetzalcoatl.");
  embed("m", pending("m"));
  REQUIRE(keep().vectors == 11);
  REQUIRE(server().dump().find("Note 39595:") != std::string::npos);
  ForgetTarget target;
  target.conversation = key(1, 0).conversation;
  target.first = target.last = 15;
  (void)store->forget(target, kNoon, false);
  CHECK(count("message_near") == "9");
  (void)server().query("UPDATE message SET text = 'Another text.' WHERE seq = 16");
  CHECK(count("message_near") == "8");
  target = {};
  target.kind = ForgetTarget::Kind::kFact;
  target.fact = std::stoll(server().query("SELECT id FROM fact"));
  (void)store->forget(target, kNoon, false);  // and the message that it is from
  CHECK(count("fact_near") == "0");
  CHECK(count("message_near") == "7");
  CHECK(server().dump().find("Note 39595:") == std::string::npos);
  target.kind = ForgetTarget::Kind::kEverything;
  (void)store->forget(target, kNoon, false);
  CHECK(count("message_near") == "0");
  CHECK(search("tea").empty());
}

TEST_CASE_FIXTURE(Fixture, "another model's vectors take the place of the old one's, and going back works") {
  live(10, "old");
  REQUIRE(keep("old").vectors == 10);
  embed("new", pending("new"));
  CHECK(keep_anew(kNearExact, "new").vectors == 10);
  CHECK(server().query("SELECT DISTINCT model FROM message_near") == "new");
  CHECK(search("tea", "old").empty());
  CHECK(keep_anew(kNearExact, "old").vectors == 10);
  CHECK(search("tea", "old").size() == 10);
}

TEST_CASE_FIXTURE(
    Fixture, "the extension that somebody drops is missed by nothing, and made again at the next start") {
  live(10);
  REQUIRE(keep().state == State::kReady);
  (void)server().query("DROP EXTENSION vector CASCADE");
  CHECK(search("tea").empty());
  store->append(exchange(2, 10, "My sister plays chess.", "Does she?"), kNoon);
  embed("m", pending("m"));
  CHECK(stored("m").size() == 12);
  CHECK_THROWS_AS((void)vectors->keep_near("m", kHashedDimension), StoreError);
  CHECK(keep_anew().vectors == 12);
  CHECK(search("chess sister")[0].key == VectorKey::of(key(2, 10)));
}

TEST_CASE_FIXTURE(Fixture, "who may not create the extension is told so, and has everything else") {
  live(10);
  (void)server().query(
      "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN; GRANT ALL ON SCHEMA public TO plain; GRANT ALL ON "
      "ALL TABLES IN SCHEMA public TO "
      "plain");
  const auto plain = make_postgres_vectors(server().conninfo() + " user=plain");
  plain->connect();
  std::string why;
  try {
    (void)plain->keep_near("m", kHashedDimension);
  } catch (const StoreError& e) {
    CHECK(e.kind() == StoreError::Kind::kBroken);
    why = e.what();
  }
  CHECK(why.find("permission denied to create extension") != std::string::npos);
  VectorStore::Cursor cursor;
  CHECK(plain->next_vectors("m", &cursor, 100).size() == 10);
  plain->close();
  (void)server().query("DROP OWNED BY plain; DROP ROLE plain");
}

TEST_CASE_FIXTURE(Fixture, "vectors that no index of it takes are refused with their size") {
  const StoreNear near = vectors->keep_near("m", 5000);
  CHECK(near.state == State::kRefused);
  CHECK(near.why.find("these have 5000") != std::string::npos);
  CHECK_FALSE(near.more);
}

TEST_CASE_FIXTURE(
    Fixture, "many vectors get an index, while others write, and one that was never finished is made anew") {
  live(1500);
  REQUIRE(keep_anew(100 * kHashedDimension).state == State::kReady);
  const auto valid = [] {
    return server().query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('message_near_v')");
  };
  CHECK(valid() == "t");
  CHECK(server().query("SELECT to_regclass('fact_near_v') IS NULL") == "t");
  CHECK(server()
            .query("SET enable_seqscan = off; EXPLAIN SELECT message_id FROM message_near ORDER BY v <=> "
                   "(SELECT v FROM "
                   "message_near LIMIT 1) LIMIT 5")
            .find("message_near_v") != std::string::npos);
  std::size_t right = 0;
  std::size_t all = 0;
  for (const char* topic : kTopics) {
    const std::string question = std::string("Do I like ") + topic + "?";
    const auto expected = oracle(question);
    const auto found = search(question);
    REQUIRE(found.size() == 10);
    for (const auto& one : found) right += one.similarity >= expected.back().similarity * 0.998F ? 1 : 0;
    all += expected.size();
  }
  CHECK(static_cast<double>(right) >= 0.9 * static_cast<double>(all));
  (void)server().query(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass('message_near_v')");
  CHECK(keep_anew(100 * kHashedDimension).state == State::kReady);
  CHECK(valid() == "t");
  store->append(exchange(2, 10, "My sister plays chess.", "Does she?"), kNoon);
  embed("m", pending("m"));
  CHECK(keep().vectors == 1502);
  CHECK(search("My sister plays chess.")[0].key == VectorKey::of(key(2, 10)));
}

TEST_CASE_FIXTURE(Fixture, "a dump has it, and what is restored from that finds the same") {
  live(30);
  REQUIRE(keep().state == State::kReady);
  const std::string bin = std::getenv("PROT_TEST_POSTGRES");
  const auto at = [](const std::string& database) { return server().conninfo() + " dbname=" + database; };
  (void)server().query("DROP DATABASE IF EXISTS copy");
  (void)server().query("CREATE DATABASE copy");
  const SubprocessResult dumped = run_subprocess({bin + "/pg_dump", "-d", at("prot")});
  REQUIRE(dumped.exit_code == 0);
  const SubprocessResult restored =
      run_subprocess({"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", at("copy")}, dumped.output);
  REQUIRE(restored.exit_code == 0);
  const auto expected = search("Do I like sailing?");
  pool = make_connection_pool(at("copy"), 1, 6);
  make_postgres_store(at("copy"), "test")->connect();
  CHECK(keep_anew().vectors == 30);
  const auto found = search("Do I like sailing?");
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i].key == expected[i].key);
  vectors->close();
  pool->close_idle();
}

TEST_CASE_FIXTURE(Fixture,
                  "a whole memory with little room finds its oldest message by the database, and says so") {
  std::vector<TurnRecord> said{user(key(1, 5), "Quetzalcoatl ate the zucchini on the veranda.")};
  for (std::uint64_t i = 0; i < 900; ++i)
    said.push_back(
        user(key(1, 10 + i), "Note " + std::to_string(i) + ": nothing but " + kTopics[i % 8] + "."));
  store->append(said, kNoon);
  prot::test::MemoryBench bench([] { return make_postgres_store(server().conninfo(), "stage"); },
                                {"memory.vector_mib=1", "memory.recall_tokens=1000"});
  bench.with_model = false;
  bench.dense = [this] {
    DenseLeg::Parts parts;
    parts.store = make_postgres_vectors(pool);
    parts.documents = make_hashed_embedder();
    parts.questions = make_hashed_embedder();
    parts.search = make_postgres_near(pool, parts.documents->model_id());
    return parts;
  };
  bench.start();
  REQUIRE(bench.until([&] { return bench.gauge("vectors_in_database") == 901; }, 60 * kSecond));
  CHECK(bench.gauge("vectors_dropped") > 100);
  bench.ask(1, "Quetzalcoatl zucchini veranda", key(9, 0).conversation, 1000);
  CHECK(bench.until([&] { return bench.gauge("recalls_by_database") >= 1; }));
  CHECK(bench.answer(1).text.find("Quetzalcoatl") != std::string::npos);
  const std::string row = store->keeper()->look(Keeper::Look::kSizes, {}).at(0).json;
  const json::Document stats = json::parse(row);
  CHECK(stats.get("pgvector").get("vectors").as_int() == 901);
  CHECK(probe_postgres(server().conninfo()).find(", pgvector ") != std::string::npos);
}
