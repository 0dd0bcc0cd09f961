#pragma once

#include <fmt/format.h>

#include "memory/embedders/hashed.hpp"
#include "memory/stores/postgres.hpp"
#include "memory/stores/postgres_vectors.hpp"
#include "tests/bench/memory/talk.hpp"
#include "tests/support/postgres.hpp"

namespace prot::bench {

/// So many messages, with hashed vectors.
inline void fill(prot::test::PrivatePostgres& server, std::size_t count, std::size_t dimension) {
  using namespace prot::memory;
  make_postgres_store(server.conninfo(), "bench")->connect();
  Talk talk;
  for (std::size_t i = 0; i < count;) {
    std::string rows;
    for (std::size_t k = 0; k < 500 && i < count; ++k, ++i) {
      const Message said = talk.next();
      const std::string uuid = to_uuid(said.key.conversation);
      rows +=
          fmt::format("{}('{}'::uuid, {}, '{}', 'voice', '{}', to_timestamp({}))", rows.empty() ? "" : ",",
                      uuid, said.key.sequence, to_string(said.role), said.text, said.at_ns / kSecond);
    }
    (void)server.query(
        "CREATE TEMP TABLE said (id uuid, seq bigint, role text, channel text, text text, at timestamptz); "
        "INSERT INTO said VALUES " +
        rows +
        "; INSERT INTO conversation SELECT DISTINCT id, channel, now() FROM said ON CONFLICT DO NOTHING; "
        "INSERT "
        "INTO message (conversation_id, seq, role, channel, text, at) SELECT * FROM said ORDER BY at");
  }
  const auto vectors = make_postgres_vectors(server.conninfo());
  vectors->connect();
  const auto embedder = make_hashed_embedder(dimension);
  VectorStore::Cursor cursor;
  for (auto texts = vectors->next_pending(embedder->model_id(), &cursor, 2000); !texts.empty();
       texts = vectors->next_pending(embedder->model_id(), &cursor, 2000)) {
    std::vector<NewVector> made;
    for (const PendingText& text : texts) {
      const std::vector<std::string> words{text.text};
      made.push_back({&text, PackedVector::of(embedder->embed(words, TextKind::kDocument, {}).vectors[0])});
    }
    vectors->store(embedder->model_id(), made);
  }
}

}  // namespace prot::bench
