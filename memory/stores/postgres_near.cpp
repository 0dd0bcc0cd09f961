#include "stores/postgres_near.hpp"

#include <algorithm>
#include <cstdio>

#include "base/error.hpp"
#include "json/json.hpp"
#include "stores/array_text.hpp"
#include "stores/postgres_store.hpp"

namespace prot::memory {
namespace {

using pg::run;

constexpr int kPage = 500;
constexpr int kIndexedPage = 16;  // each finds its place in the index, which takes milliseconds
constexpr std::int64_t kLookBack = 1000;
constexpr const char* kOf[] = {"message", "fact"};

/// "[1,-2,0]": as far as the direction goes the scale is of no matter, and whole numbers are shorter.
std::string text_of(const PackedVector& vector) {
  std::string text = "[";
  for (const std::int16_t value : vector.values) text += std::to_string(value) + ',';
  text.back() = ']';
  return text;
}

std::string near_of(bool facts) { return std::string(kOf[facts ? 1 : 0]) + "_near"; }

/// The column that is searched; nothing: there is no such table, or not with it.
struct Column {
  std::string type;
  std::string schema;  // quoted
  std::size_t dimension;
};
std::optional<Column> column_of(pqxx::work& tx, const std::string& table) {
  const pqxx::result rows = run(
      tx,
      "SELECT t.typname, quote_ident(n.nspname), a.atttypmod FROM pg_attribute a JOIN pg_type t ON t.oid = "
      "a.atttypid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE a.attrelid = to_regclass($1) AND "
      "a.attname = 'v' AND NOT a.attisdropped",
      table);
  if (rows.empty()) return std::nullopt;
  return Column{rows[0][0].c_str(), rows[0][1].c_str(),
                static_cast<std::size_t>(std::max(0, rows[0][2].as<int>()))};
}

bool has_rows(pqxx::work& tx, const std::string& table, const std::string& condition,
              const std::string& model) {
  return run(tx, "SELECT EXISTS (SELECT 1 FROM " + table + " WHERE " + condition + ")", model)[0][0]
      .as<bool>();
}

/// As it is wanted: of that type, and of no other model.
bool is_sound(pqxx::work& tx, bool facts, const pg::Extension& extension, const std::string& model,
              std::size_t dimension) {
  const std::optional<Column> column = column_of(tx, near_of(facts));
  return column && column->type == extension.type() && column->dimension == dimension &&
         !has_rows(tx, near_of(facts), "model <> $1", model);
}

void make_table(pqxx::work& tx, bool facts, const pg::Extension& extension, std::size_t dimension) {
  const std::string of = kOf[facts ? 1 : 0];
  tx.exec("DROP TABLE IF EXISTS " + of + "_near");
  tx.exec("CREATE TABLE " + of + "_near (" + of + "_id bigint NOT NULL, model text NOT NULL, v " +
          extension.schema + "." + extension.type() + "(" + std::to_string(dimension) +
          ") NOT NULL, PRIMARY KEY (" + of + "_id, model), FOREIGN KEY (" + of + "_id, model) REFERENCES " +
          of + "_embedding ON DELETE CASCADE)");
}

}  // namespace

namespace pg {

bool Extension::at_least(int major, int minor) const {
  int own_major = 0;
  int own_minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &own_major, &own_minor) != 2) return false;
  return own_major > major || (own_major == major && own_minor >= minor);
}

std::size_t Extension::most_dimensions() const {
  if (!at_least(0, 5)) return 0;
  return at_least(0, 7) ? 4000 : 2000;
}

const char* Extension::type() const { return at_least(0, 7) ? "halfvec" : "vector"; }

std::optional<Extension> find_extension(pqxx::work& tx) {
  const pqxx::result rows = tx.exec(
      "SELECT coalesce(e.extversion, a.default_version), coalesce(quote_ident(n.nspname), '') FROM "
      "pg_available_extensions a LEFT JOIN pg_extension e ON e.extname = a.name LEFT JOIN pg_namespace n ON "
      "n.oid = e.extnamespace WHERE a.name = 'vector'");
  if (rows.empty()) return std::nullopt;
  return Extension{rows[0][0].c_str(), rows[0][1].c_str()};
}

}  // namespace pg

void NearTables::close() noexcept {
  build_.give_up();
  prepared_ = false;
}

StoreNear NearTables::step(const std::string& model, std::size_t dimension) {
  using State = StoreNear::State;
  if (!prepared_ && !prepare(model, dimension)) return said_;
  prepared_ = true;
  if (said_.state != State::kReady) said_.state = State::kFilling;
  const std::size_t copied = copy(false, model, dimension) + copy(true, model, dimension);
  said_.vectors += copied;
  said_.more = copied > 0;
  if (said_.more) return said_;
  said_.more = !indexed(false, dimension) || !indexed(true, dimension);
  if (!said_.more) said_.state = State::kReady;
  return said_;
}

bool NearTables::prepare(const std::string& model, std::size_t dimension) {
  using State = StoreNear::State;
  std::optional<pg::Extension> found = calls_->transaction("looking for pgvector", pg::find_extension);
  if (!found) {
    said_ = {.state = State::kAbsent};
    return false;
  }
  said_ = {.state = State::kRefused, .what = "pgvector " + found->version};
  if (dimension > found->most_dimensions()) {
    said_.why = found->most_dimensions() == 0
                    ? "it is older than 0.5"
                    : "its index takes vectors of at most " + std::to_string(found->most_dimensions()) +
                          " numbers, these have " + std::to_string(dimension);
    return false;
  }
  extension_ = *found;
  said_.vectors = calls_->transaction("making tables for pgvector", [&](pqxx::work& tx) {
    if (extension_.schema.empty()) {
      tx.exec("CREATE EXTENSION IF NOT EXISTS vector");
      extension_ = pg::find_extension(tx).value();
    }
    std::uint64_t vectors = 0;
    for (const bool facts : {false, true}) {
      if (!is_sound(tx, facts, extension_, model, dimension)) make_table(tx, facts, extension_, dimension);
      vectors += tx.exec("SELECT count(*) FROM " + near_of(facts))[0][0].as<std::uint64_t>();
    }
    return vectors;
  });
  copied_[0] = copied_[1] = {};
  return true;
}

std::size_t NearTables::copy(bool facts, const std::string& model, std::size_t dimension) {
  return calls_->transaction("copying vectors for pgvector", [&](pqxx::work& tx) {
    const std::string of = kOf[facts ? 1 : 0];
    const std::string id = of + "_id";
    Copied& copied = copied_[facts ? 1 : 0];
    const bool indexed =
        run(tx, "SELECT to_regclass($1) IS NOT NULL", near_of(facts) + "_v")[0][0].as<bool>();
    // Twice "> $1": as in vector_reader.cpp.
    const pqxx::result rows =
        run(tx,
            "SELECT e." + id + ", e.vector FROM " + of + "_embedding e WHERE e." + id +
                " > $1::bigint AND e.model = $2 AND octet_length(e.vector) = $3::integer AND NOT EXISTS "
                "(SELECT 1 FROM " +
                of + "_near n WHERE n." + id + " = e." + id + " AND n." + id +
                " > $1::bigint AND n.model = $2) ORDER BY e." + id + " LIMIT $4::integer",
            copied.cursor, model, static_cast<int>(sizeof(float) + dimension * sizeof(std::int16_t)),
            indexed ? kIndexedPage : kPage);
    pg::ArrayText ids;
    pg::ArrayText vectors;
    for (const auto& row : rows) {
      const auto number = row[0].as<std::int64_t>();
      copied.cursor = number;
      copied.newest = std::max(copied.newest, number);
      try {
        const PackedVector vector = PackedVector::from_bytes(from_hex(row[1].c_str()));
        vectors.add(text_of(vector));
        ids.add_number(number);
      } catch (const Error&) {  // the index in memory has said so
      }
    }
    if (rows.empty()) copied.cursor = std::max<std::int64_t>(0, copied.newest - kLookBack);
    if (ids.empty()) return std::size_t{0};
    return static_cast<std::size_t>(
        run(tx,
            "INSERT INTO " + of + "_near (" + id + ", model, v) SELECT e." + id +
                ", e.model, t.v::" + extension_.schema + "." + extension_.type() +
                " FROM unnest($1::bigint[], $2::text[]) AS t (id, v) JOIN " + of + "_embedding e ON e." + id +
                " = t.id AND e.model = $3 FOR KEY SHARE OF e ON CONFLICT DO NOTHING",
            ids.str(), vectors.str(), model)
            .affected_rows());
  });
}

bool NearTables::indexed(bool facts, std::size_t dimension) {
  if (build_.running()) return build_.ended();
  const std::string table = near_of(facts);
  enum class Index { kNeedless, kThere, kMade, kWanted };
  const Index index = calls_->transaction("looking at an index of pgvector", [&](pqxx::work& tx) {
    const pqxx::result known = run(
        tx,
        "SELECT i.indisvalid, EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = "
        "i.indexrelid) FROM pg_index i WHERE i.indexrelid = to_regclass($1)",
        table + "_v");
    if (!known.empty() && known[0][0].as<bool>()) return Index::kThere;
    if (!known.empty() && known[0][1].as<bool>()) return Index::kMade;  // for one of us that ended
    if (!known.empty()) tx.exec("DROP INDEX " + table + "_v");
    const auto count = tx.exec("SELECT count(*) FROM " + table)[0][0].as<std::size_t>();
    return count * dimension > exact_ ? Index::kWanted : Index::kNeedless;
  });
  if (index == Index::kWanted)
    build_.start("CREATE INDEX CONCURRENTLY " + table + "_v ON " + table + " USING hnsw (v " +
                 extension_.schema + "." + extension_.type() + "_cosine_ops)");
  return index == Index::kThere || index == Index::kNeedless;
}

namespace {

class PostgresNear final : public NearSearch {
 public:
  PostgresNear(std::shared_ptr<ConnectionPool> pool, std::string model)
      : pool_(std::move(pool)), calls_(*pool_), model_(std::move(model)) {}

  std::vector<VectorIndex::Near> nearest(const Vector& query, std::size_t limit) override {
    return calls_.transaction("searching vectors", [&](pqxx::work& tx) {
      std::vector<VectorIndex::Near> found;
      const std::optional<Column> column = column_of(tx, near_of(false));
      if (!column || column->dimension != query.size()) return found;
      // What comes later than that is of no use to anybody. A compiled query is none sooner.
      tx.exec("SET LOCAL statement_timeout = 500; SET LOCAL jit = off; SET LOCAL hnsw.ef_search = 100");
      const std::string asked = text_of(PackedVector::of(query));
      for (const bool facts : {false, true}) search(tx, facts, *column, asked, limit, found);
      return nearest_of_both({}, found, limit);
    });
  }

  void abort() noexcept override { calls_.end(); }

 private:
  void search(pqxx::work& tx, bool facts, const Column& column, const std::string& asked, std::size_t limit,
              std::vector<VectorIndex::Near>& found) const {
    const std::string of = kOf[facts ? 1 : 0];
    const std::string distance =
        "v OPERATOR(" + column.schema + ".<=>) $1::" + column.schema + "." + column.type;
    const pqxx::result rows =
        run(tx,
            "SELECT 1 - n.far, " + std::string(facts ? "m.statement" : "m.conversation_id::text, m.seq") +
                " FROM (SELECT " + of + "_id, " + distance + " AS far FROM " + of +
                "_near WHERE model = $2 ORDER BY " + distance + " LIMIT $3::integer) n JOIN " + of +
                " m ON m.id = n." + of + "_id" + (facts ? " WHERE m.status = 'active'" : ""),
            asked, model_, static_cast<int>(limit));
    for (const auto& row : rows)
      found.push_back({facts
                           ? VectorKey::of_statement(row[1].c_str())
                           : VectorKey::of(MessageKey{parse_uuid(row[1].c_str()),
                                                      static_cast<std::uint64_t>(row[2].as<std::int64_t>())}),
                       row[0].as<float>()});
  }

  std::shared_ptr<ConnectionPool> pool_;
  pg::EndingCalls calls_;
  std::string model_;
};

}  // namespace

std::unique_ptr<NearSearch> make_postgres_near(std::shared_ptr<ConnectionPool> pool, std::string model) {
  return std::make_unique<PostgresNear>(std::move(pool), std::move(model));
}

std::string near_stats(pqxx::work& tx) {
  const std::optional<pg::Extension> extension = pg::find_extension(tx);
  if (!extension) return "null";
  std::uint64_t vectors = 0;
  for (const bool facts : {false, true})
    if (!extension->schema.empty() && column_of(tx, near_of(facts)))
      vectors += tx.exec("SELECT count(*) FROM " + near_of(facts))[0][0].as<std::uint64_t>();
  json::Writer out;
  return out.begin_object()
      .member("version", extension->version)
      .member("vectors", vectors)
      .end_object()
      .str();
}

}  // namespace prot::memory
