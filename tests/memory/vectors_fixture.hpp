#pragma once

#include <memory>
#include <string>
#include <vector>

#include "memory/embedders/hashed.hpp"
#include "memory/stores/postgres.hpp"
#include "memory/stores/postgres_vectors.hpp"
#include "tests/memory/memory_fixture.hpp"
#include "tests/support/postgres.hpp"

namespace prot::memory::test {

/// One server for all cases of a program.
inline prot::test::PrivatePostgres& server() {
  static prot::test::PrivatePostgres postgres;
  static const bool started = (postgres.start(), true);
  (void)started;
  return postgres;
}

/// A database with the tables alone, its store and its vectors.
struct VectorsFixture {
  VectorsFixture() {
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

}  // namespace prot::memory::test
