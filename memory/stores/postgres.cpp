#include "stores/postgres.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/log.hpp"
#include "schema/schema.hpp"
#include "stores/postgres_fact_keys.hpp"
#include "stores/postgres_store.hpp"

namespace prot::memory {
namespace {

constexpr std::int64_t kMigrationLock = 0x70726F74'6D656D;  // "protmem"

std::string_view view(const pqxx::field& field) { return {field.c_str(), field.size()}; }

StoreError::Kind kind_of(const std::string& sqlstate) {
  // No state: the connection broke. 08 connection, 53 resources, 57 shutdown or cancelled, 40 rolled back,
  // 55 lock or starting up. Not taken: 22 data, 23 constraints, 54 more than the server's limits allow.
  if (sqlstate.size() < 2) return StoreError::Kind::kAway;
  const std::string group = sqlstate.substr(0, 2);
  for (const char* away : {"08", "40", "53", "55", "57", "58"})
    if (group == away) return StoreError::Kind::kAway;
  return group == "22" || group == "23" || group == "54" ? StoreError::Kind::kRejected
                                                         : StoreError::Kind::kBroken;
}

// The first line alone: those behind it may quote a row.
std::string first_line(std::string_view text) {
  log_content("{}", text);
  std::string line(text.substr(0, text.find('\n')));
  std::replace(line.begin(), line.end(), '\t', ' ');
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

}  // namespace

namespace pg {

Message read_message(const pqxx::row& row) {
  Message message;
  message.key.conversation = parse_uuid(view(row[0]));
  message.key.sequence = static_cast<std::uint64_t>(row[1].as<std::int64_t>());
  message.role = view(row[2]) == "user" ? Role::kUser : Role::kAssistant;
  message.channel = view(row[3]) == "text" ? wire::Channel::kText : wire::Channel::kVoice;
  message.at_ns = row[4].as<std::int64_t>() * kMicrosecond;
  message.text = view(row[5]);
  message.interrupted = row[6].as<bool>();
  message.open = row[7].as<bool>();
  return message;
}

StoreError store_error(const char* what) {
  const std::string prefix = std::string("database: ") + what + ": ";
  try {
    throw;
  } catch (const StoreError& e) {
    return e;
  } catch (const pqxx::insufficient_privilege& e) {  // which has no state in libpqxx 6
    return {StoreError::Kind::kBroken, prefix + first_line(e.what())};
  } catch (const pqxx::sql_error& e) {
    return {kind_of(e.sqlstate()), prefix + first_line(e.what())};
  } catch (const pqxx::conversion_error& e) {
    log_content("{}", e.what());
    return {StoreError::Kind::kBroken, prefix + "a value is of another form"};
  } catch (const std::exception& e) {
    return {StoreError::Kind::kAway, prefix + first_line(e.what())};
  }
}

void take_time(pqxx::work& tx) {
  constexpr Nanos kMost = 3600 * kSecond;
  ConnectionPool::allow(kMost);
  tx.exec("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0");
}

void migrate(pqxx::connection& connection) {
  pqxx::work tx(connection);
  if (std::string_view(run(tx, "SHOW transaction_read_only")[0][0].c_str()) == "on")
    throw StoreError(
        StoreError::Kind::kBroken,
        "the database is read-only (a standby, or default_transaction_read_only): memory cannot write");
  // The transaction's own lock: a session's would be lost by a silent reconnect.
  run(tx, "SELECT pg_advisory_xact_lock($1::bigint)", kMigrationLock);
  tx.exec(
      "CREATE TABLE IF NOT EXISTS schema_version (version integer PRIMARY KEY, name text NOT NULL, "
      "applied_at timestamptz NOT NULL DEFAULT now())");
  std::set<int> applied;
  for (const auto& row : tx.exec("SELECT version FROM schema_version")) applied.insert(row[0].as<int>());
  const int version = applied.empty() ? 0 : *applied.rbegin();
  const int known = migrations().back().version;
  if (version > known)
    throw StoreError(StoreError::Kind::kBroken, "the database's schema is of version " +
                                                    std::to_string(version) + ", this prot knows " +
                                                    std::to_string(known) + ": update prot");
  take_time(tx);  // an index over years of messages
  for (const Migration& migration : migrations()) {
    if (applied.contains(migration.version)) continue;
    if (version > 0) log_info("database: schema {} ({})", migration.version, migration.name);
    tx.exec(migration.sql);
    run(tx, "INSERT INTO schema_version (version, name) VALUES ($1::integer, $2)", migration.version,
        std::string(migration.name));
  }
  renew_fact_keys(tx);
  tx.commit();
}

}  // namespace pg

PostgresStore::PostgresStore(std::shared_ptr<ConnectionPool> pool, std::string owner)
    : pool_(std::move(pool)), owner_(std::move(owner)) {}

PostgresStore::~PostgresStore() = default;

void PostgresStore::connect() {
  close();
  count_again();
  pg::with_connection(*pool_, "cannot connect",
                      [](ConnectionPool::Lease& lease) { pg::migrate(lease.connection()); });
  connected_ = true;
}

void PostgresStore::close() noexcept {
  connected_ = false;
  pool_->close_idle();
}

namespace {
using pg::at;
using pg::run;
}  // namespace

std::vector<Message> PostgresStore::next_messages(std::int64_t* cursor, int limit) {
  return transaction("reading messages", [&](pqxx::work& tx) {
    std::vector<Message> messages;
    const pqxx::result rows = run(tx,
                                  "SELECT " + pg::kMessageColumns +
                                      ", m.id FROM message m WHERE m.id > $1::bigint AND NOT m.open AND "
                                      "m.text <> '' ORDER BY m.id LIMIT $2::integer",
                                  *cursor, limit);
    for (const auto& row : rows) {
      messages.push_back(pg::read_message(row));
      *cursor = row[8].as<std::int64_t>();
    }
    return messages;
  });
}

std::vector<Message> PostgresStore::find_messages(std::span<const std::string> words, Nanos before,
                                                  int limit) {
  const std::string query = any_of_words(words);
  if (query.empty()) return {};
  return transaction("searching messages", [&](pqxx::work& tx) {
    std::vector<Message> messages;
    const pqxx::result rows =
        run(tx,
            "SELECT " + pg::kMessageColumns +
                " FROM (SELECT * FROM message WHERE NOT open AND to_tsvector('simple', text) @@ "
                "to_tsquery('simple', $1) AND at <= " +
                at(2) +
                " ORDER BY id DESC LIMIT 1000) m ORDER BY ts_rank(to_tsvector('simple', m.text), "
                "to_tsquery('simple', $1)) DESC, m.id DESC LIMIT $3::integer",
            query, pg::micros(before), limit);
    for (const auto& row : rows) messages.push_back(pg::read_message(row));
    return messages;
  });
}

std::vector<Message> PostgresStore::history(const wire::ConversationId& conversation, int limit) {
  return transaction("reading history", [&](pqxx::work& tx) {
    std::vector<Message> messages;
    const pqxx::result rows =
        run(tx,
            "SELECT " + pg::kMessageColumns +
                " FROM message m WHERE m.conversation_id = $1::uuid ORDER BY m.seq DESC LIMIT $2::integer",
            to_uuid(conversation), limit);
    for (const auto& row : rows) messages.insert(messages.begin(), pg::read_message(row));
    return messages;
  });
}

std::shared_ptr<ConnectionPool> make_connection_pool(std::string conninfo, int least, int most,
                                                     Nanos patience) {
  return std::make_shared<ConnectionPool>(std::move(conninfo), ConnectionPool::Limits{least, most, patience});
}

std::unique_ptr<MemoryStore> make_postgres_store(std::shared_ptr<ConnectionPool> pool, std::string owner) {
  return std::make_unique<PostgresStore>(std::move(pool), std::move(owner));
}

std::unique_ptr<MemoryStore> make_postgres_store(std::string conninfo, std::string owner) {
  return make_postgres_store(std::make_shared<ConnectionPool>(std::move(conninfo)), std::move(owner));
}

}  // namespace prot::memory
