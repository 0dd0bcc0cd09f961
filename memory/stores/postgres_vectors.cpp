#include "stores/postgres_vectors.hpp"

#include <algorithm>
#include "stores/array_text.hpp"
#include "stores/postgres_near.hpp"
#include "stores/postgres_store.hpp"
#include "stores/vector_reader.hpp"

namespace prot::memory {
namespace {

using pg::run;

/// What a statement brings along stays with its connection: libpq's buffer begins with 16 KiB, and what it
/// grew to for a larger statement it gives never back.
constexpr std::size_t kBytesAtOnce = 12 << 10U;

/// How many of the first go into one statement; at least one.
std::size_t rows_at_once(std::span<const NewVector> vectors) {
  std::size_t rows = 0;
  for (std::size_t bytes = 0; rows < vectors.size(); ++rows) {
    const NewVector& one = vectors[rows];
    bytes += one.text->text.size() + (one.vector ? 2 * one.vector->bytes().size() : 0);
    if (bytes > kBytesAtOnce) break;
  }
  return std::max<std::size_t>(1, rows);
}

bool has_tables(pqxx::work& tx) {
  return tx.exec("SELECT to_regclass('fact_embedding') IS NOT NULL")[0][0].as<bool>();
}

class PostgresVectors final : public VectorStore {
 public:
  PostgresVectors(std::shared_ptr<ConnectionPool> pool, std::size_t near_exact)
      : pool_(std::move(pool)), reader_(*pool_), calls_(*pool_), near_(*pool_, calls_, near_exact) {}

  void connect() override {
    // At the first start of all another connection makes the tables, and not to ask for them before is to
    // keep what is no error out of the server's log.
    if (!calls_.transaction("cannot connect", has_tables))
      throw StoreError(StoreError::Kind::kAway, "database: there are no tables yet");
    connected_ = true;
  }

  void close() noexcept override {
    connected_ = false;
    reader_.close();
    near_.close();
  }

  void abort() noexcept override {
    reader_.abort();
    calls_.end();
  }

  std::vector<StoredVector> next_vectors(const std::string& model, Cursor* cursor, int limit) override {
    if (!connected_) throw StoreError(StoreError::Kind::kAway, "database: not connected");
    return reader_.next(model, cursor, limit);
  }

  std::vector<PendingText> next_pending(const std::string& model, Cursor* cursor, int limit) override {
    return transaction("looking for texts without a vector", [&](pqxx::work& tx) {
      std::vector<PendingText> texts;
      while (texts.empty() && step(cursor, read_pending(tx, model, cursor, limit, texts))) continue;
      return texts;
    });
  }

  void store(const std::string& model, std::span<const NewVector> vectors) override {
    transaction("storing vectors", [&](pqxx::work& tx) {
      for (std::span<const NewVector> left = vectors; !left.empty();) {
        const auto some = left.first(rows_at_once(left));
        left = left.subspan(some.size());
        store(tx, false, "m.text = v.text AND NOT m.open", model, some);
        store(tx, true, "m.statement = v.text AND m.status = 'active'", model, some);
      }
    });
  }

  StoreNear keep_near(const std::string& model, std::size_t dimension) override {
    if (!connected_) throw StoreError(StoreError::Kind::kAway, "database: not connected");
    return near_.step(model, dimension);
  }

  std::int64_t last_message() override {
    return transaction("looking for the newest message", [&](pqxx::work& tx) {
      return tx.exec("SELECT coalesce(max(id), 0) FROM message")[0][0].as<std::int64_t>();
    });
  }

  Counts counts(const std::string& model) override {
    return transaction("counting vectors", [&](pqxx::work& tx) {
      const pqxx::result rows =
          run(tx,
              "SELECT (SELECT count(*) FROM message WHERE NOT open AND text <> '') + (SELECT count(*) FROM "
              "fact WHERE status = 'active'), (SELECT count(*) FROM message_embedding WHERE model = $1) + "
              "(SELECT count(*) FROM fact_embedding e JOIN fact f ON f.id = e.fact_id WHERE model = $1 AND "
              "f.status = 'active')",
              model);
      const auto texts = rows[0][0].as<std::int64_t>();
      const auto stored = rows[0][1].as<std::int64_t>();
      return Counts{static_cast<std::uint64_t>(std::max<std::int64_t>(0, texts - stored)),
                    static_cast<std::uint64_t>(stored)};
    });
  }

 private:
  template <typename F>
  std::invoke_result_t<F, pqxx::work&> transaction(const char* what, F&& body) {
    if (!connected_) throw StoreError(StoreError::Kind::kAway, "database: not connected");
    return calls_.transaction(what, body);
  }

  /// All in one statement. `same`: the text may have become another or been forgotten since it was read: then
  /// this is not its vector.
  static void store(pqxx::work& tx, bool facts, const std::string& same, const std::string& model,
                    std::span<const NewVector> vectors) {
    pg::ArrayText ids;
    pg::ArrayText values;
    pg::ArrayText texts;
    for (const NewVector& one : vectors) {
      if (one.text->fact != facts) continue;
      ids.add_number(one.text->id);
      values.add(one.vector ? to_hex(one.vector->bytes()) : std::string());
      texts.add(one.text->text);
    }
    if (ids.empty()) return;
    const std::string of = facts ? "fact" : "message";
    run(tx,
        "INSERT INTO " + of + "_embedding (" + of +
            "_id, model, vector) SELECT m.id, $2, nullif(v.vector, '')::bytea FROM unnest($1::bigint[], "
            "$3::text[], $4::text[]) AS v (id, vector, text) JOIN " +
            of + " m ON m.id = v.id AND " + same + " FOR SHARE OF m ON CONFLICT (" + of +
            "_id, model) DO UPDATE SET vector = EXCLUDED.vector",
        ids.str(), model, values.str(), texts.str());
  }

  /// True: there is more to read, of the facts then.
  static bool step(Cursor* cursor, bool any) {
    if (any || cursor->facts) return any;
    *cursor = {true, 0};
    return true;
  }

  /// False: no rows. "> $1" stands on both sides of the join: else every page reads one of them from its
  /// beginning.
  static bool read_pending(pqxx::work& tx, const std::string& model, Cursor* cursor, int limit,
                           std::vector<PendingText>& texts) {
    const pqxx::result rows =
        cursor->facts
            ? run(tx,
                  "SELECT f.id, f.statement, f.statement FROM fact f WHERE f.id > $1::bigint AND f.status = "
                  "'active' AND NOT EXISTS (SELECT 1 FROM fact_embedding e WHERE e.fact_id = f.id AND "
                  "e.fact_id > $1::bigint AND "
                  "e.model = $2) ORDER BY f.id LIMIT $3::integer",
                  cursor->id, model, limit)
            : run(tx,
                  "SELECT m.id, m.text, m.conversation_id::text, m.seq FROM message m WHERE m.id > "
                  "$1::bigint AND NOT m.open AND m.text <> '' AND NOT EXISTS (SELECT 1 FROM "
                  "message_embedding e WHERE e.message_id = m.id AND e.message_id > $1::bigint AND e.model = "
                  "$2) ORDER BY m.id LIMIT "
                  "$3::integer",
                  cursor->id, model, limit);
    for (const auto& row : rows) {
      cursor->id = row[0].as<std::int64_t>();
      texts.push_back({cursor->facts, cursor->id, key_of(row, cursor->facts), row[1].c_str()});
    }
    return !rows.empty();
  }

  static VectorKey key_of(const pqxx::row& row, bool fact) {
    if (fact) return VectorKey::of_statement(row[2].c_str());
    return VectorKey::of(
        MessageKey{parse_uuid(row[2].c_str()), static_cast<std::uint64_t>(row[3].as<std::int64_t>())});
  }

  std::shared_ptr<ConnectionPool> pool_;
  VectorReader reader_;  // on a connection of its own, which libpqxx could not use: it reads in binary
  pg::EndingCalls calls_;
  NearTables near_;
  bool connected_ = false;
};

}  // namespace

std::unique_ptr<VectorStore> make_postgres_vectors(std::shared_ptr<ConnectionPool> pool,
                                                   std::size_t near_exact) {
  return std::make_unique<PostgresVectors>(std::move(pool), near_exact);
}

std::unique_ptr<VectorStore> make_postgres_vectors(std::string conninfo) {
  return make_postgres_vectors(std::make_shared<ConnectionPool>(std::move(conninfo)));
}

}  // namespace prot::memory
