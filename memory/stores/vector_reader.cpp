#include "stores/vector_reader.hpp"

#include <libpq-fe.h>
#include <sys/socket.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/log.hpp"

namespace prot::memory {
namespace {

// "> $1" stands on both sides of each join: else every page reads one of them from its beginning.
constexpr const char* kOfMessages =
    "SELECT e.message_id, e.vector, m.conversation_id, m.seq FROM message_embedding e JOIN message m ON m.id "
    "= e.message_id WHERE e.message_id > $1::bigint AND m.id > $1::bigint AND e.model = $2 ORDER BY "
    "e.message_id LIMIT $3::integer";
constexpr const char* kOfFacts =
    "SELECT e.fact_id, e.vector, f.statement FROM fact_embedding e JOIN fact f ON f.id = e.fact_id WHERE "
    "e.fact_id > $1::bigint AND f.id > $1::bigint AND e.model = $2 AND f.status = 'active' ORDER BY "
    "e.fact_id LIMIT $3::integer";

struct Clear {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

std::string_view field(const PGresult* rows, int row, int column) {
  return {PQgetvalue(rows, row, column), static_cast<std::size_t>(PQgetlength(rows, row, column))};
}

/// Numbers are sent with their highest byte first.
std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

StoreError away(std::string_view what, std::string_view why) {
  why = why.substr(0, why.find('\n'));  // those behind it may quote a row
  return {StoreError::Kind::kAway, "database: " + std::string(what) + ": " + std::string(why)};
}

VectorKey key_of(const PGresult* rows, int row, bool fact) {
  const std::string_view who = field(rows, row, 2);
  if (fact) return VectorKey::of_statement(who);
  return {number(who.substr(0, 8)), number(who.substr(8)), number(field(rows, row, 3))};
}

}  // namespace

void VectorReader::Finish::operator()(pg_conn* connection) const noexcept { PQfinish(connection); }

void VectorReader::connect() {
  seat_.emplace(pool_->take_seat());
  connection_.reset(PQconnectdb(pool_->conninfo().c_str()));
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw away("cannot connect", PQerrorMessage(connection_.get()));
  const std::lock_guard lock(mutex_);
  socket_ = PQsocket(connection_.get());
}

void VectorReader::close() noexcept {
  const std::lock_guard lock(mutex_);
  socket_ = -1;
  connection_.reset();
  seat_.reset();
}

void VectorReader::abort() noexcept {
  const std::lock_guard lock(mutex_);
  aborted_ = true;
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
}

std::vector<StoredVector> VectorReader::next(const std::string& model, VectorStore::Cursor* cursor,
                                             int limit) {
  try {
    if (!connection_) connect();
    std::vector<StoredVector> vectors;
    while (vectors.empty()) {
      if (read(model, cursor, limit, vectors)) continue;
      if (cursor->facts) break;
      *cursor = {true, 0};
    }
    if (vectors.empty() || pool_->is_full()) close();
    return vectors;
  } catch (const StoreError&) {
    close();
    throw;
  }
}

bool VectorReader::read(const std::string& model, VectorStore::Cursor* cursor, int limit,
                        std::vector<StoredVector>& vectors) {
  {
    const std::lock_guard lock(mutex_);
    if (aborted_) throw away("reading vectors", "the end has come");
  }
  const std::array<std::string, 3> texts{std::to_string(cursor->id), model, std::to_string(limit)};
  const std::array<const char*, 3> parameters{texts[0].c_str(), texts[1].c_str(), texts[2].c_str()};
  constexpr int kBinary = 1;
  const Result rows(PQexecParams(connection_.get(), cursor->facts ? kOfFacts : kOfMessages, 3, nullptr,
                                 parameters.data(), nullptr, nullptr, kBinary));
  if (PQresultStatus(rows.get()) != PGRES_TUPLES_OK)
    throw away("reading vectors", PQerrorMessage(connection_.get()));
  const int count = PQntuples(rows.get());
  vectors.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) {
    cursor->id = static_cast<std::int64_t>(number(field(rows.get(), row, 0)));
    if (PQgetisnull(rows.get(), row, 1) != 0) continue;
    try {
      vectors.push_back(
          {key_of(rows.get(), row, cursor->facts), PackedVector::from_bytes(field(rows.get(), row, 1))});
    } catch (const Error& e) {
      log_error("the vector of {} {} is passed over: {}", cursor->facts ? "fact" : "message", cursor->id,
                e.what());
    }
  }
  return count > 0;
}

}  // namespace prot::memory
