#pragma once

#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "memory_store.hpp"
#include "stores/transaction.hpp"

namespace prot::memory {

/// MemoryStore over libpqxx: only what versions 6.4 to 7.x have in common. Each transaction has a connection
/// of the pool; after any sign that one is broken nothing is asked until connect() has found the server
/// again.
class PostgresStore final : public MemoryStore, public Keeper {
 public:
  PostgresStore(std::shared_ptr<ConnectionPool> pool, std::string owner);
  ~PostgresStore() override;

  void connect() override;
  void close() noexcept override;
  [[nodiscard]] const char* name() const noexcept override { return "postgresql"; }
  void append(std::span<const TurnRecord> records, Nanos now) override;  // postgres_append.cpp
  std::vector<Message> next_messages(std::int64_t* cursor, int limit) override;
  std::vector<Message> find_messages(std::span<const std::string> words, Nanos before, int limit) override;
  std::vector<Message> history(const wire::ConversationId& conversation, int limit) override;
  std::optional<Job> claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) override;
  void claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) override;
  bool finish_extract(const Job& job, const std::string& answer, Nanos now) override;
  bool apply(const Job& job, const Extraction& extraction, Nanos now) override;
  bool give_back(const Job& job, Nanos due) override;
  bool fail(const Job& job, const std::string& error, Nanos due, bool dead) override;
  int drop_old_dead(int most, Nanos before) override;  // postgres_keeper.cpp
  bool renew(const std::string& token, Nanos until) override;
  int reap(Nanos now, Freed which, const std::string& held) override;
  ModelUse model_use(Nanos now) override;
  void add_model_use(const ModelUse& more, Nanos now) override;
  std::vector<Fact> active_facts(int limit) override;
  void mark_read(std::span<const std::int64_t> facts, Nanos now) override;  // postgres_reads.cpp
  Counts counts() override;
  std::vector<KnownEntity> entities(int limit) override;
  bool merge_entities(std::int64_t winner, std::int64_t loser) override;
  bool undo_merge(std::int64_t loser) override;
  std::vector<Fact> fact_history(std::string_view subject, std::string_view predicate) override;
  std::vector<Fact> past_facts(int limit) override;
  std::vector<Fact> quarantined_facts(int limit) override;
  bool confirm_fact(std::int64_t id, Nanos now) override;
  bool reject_fact(std::int64_t id) override;
  std::vector<GraphFact> graph() override;
  bool plan_generation(std::span<const CommunityPlan> plans) override;
  std::optional<CommunityTask> next_community() override;
  bool finish_community(std::int64_t id, const std::string& summary) override;
  std::vector<Community> communities(int limit) override;
  Forgotten forget(const ForgetTarget& target, Nanos now, bool dry_run) override;  // postgres_forget.cpp
  [[nodiscard]] Keeper* keeper() noexcept override { return this; }
  void end_within(Nanos left) noexcept override { pool_->end_within(left); }
  [[nodiscard]] PoolGauges pool() const override { return pool_->gauges(); }

  // Keeper: postgres_keeper.cpp, postgres_import.cpp.
  std::vector<Row> look(Look what, std::span<const std::string> arguments) override;
  int retry_dead(std::span<const std::int64_t> jobs, Nanos now) override;
  int drop_dead(std::span<const std::int64_t> jobs) override;
  Imported import_rows(const Rows& rows, Nanos now) override;
  Imported import_original(Nanos now) override;

 private:
  void count_again() noexcept { counted_ = static_cast<std::uint64_t>(counted_through_ = 0); }
  /// Runs one transaction; what goes wrong becomes a StoreError ("what: why").
  template <typename F>
  auto transaction(const char* what, F&& body);

  std::shared_ptr<ConnectionPool> pool_;
  std::string owner_;
  bool connected_ = false;
  // Messages up to that one; whoever takes some away has them counted again.
  std::uint64_t counted_ = 0;
  std::int64_t counted_through_ = 0;
};

namespace pg {

/// The one place that knows how the versions of libpqxx take parameters.
template <typename... Args>
pqxx::result run(pqxx::work& tx, const std::string& sql, const Args&... args) {
  ConnectionPool::touch();
#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)
  return tx.exec(sql, pqxx::params{args...});
#else
  return tx.exec_params(sql, args...);
#endif
}

/// What is asked often: each connection parses it once.
struct Statement {
  std::string name;  // of no other statement
  std::string sql;
};
template <typename... Args>
pqxx::result run(pqxx::work& tx, const Statement& statement, const Args&... args) {
  ConnectionPool::touch();
  if (ConnectionPool::is_new(&statement)) tx.conn().prepare(statement.name, statement.sql);
#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)
  return tx.exec(pqxx::prepped{statement.name}, pqxx::params{args...});
#else
  return tx.exec_prepared(statement.name, args...);
#endif
}

/// Wall nanoseconds as the microseconds that PostgreSQL keeps.
[[nodiscard]] inline std::int64_t micros(Nanos wall) noexcept { return wall / kMicrosecond; }
[[nodiscard]] inline std::int64_t signed_seq(std::uint64_t seq) noexcept {
  return static_cast<std::int64_t>(seq);
}

/// As an array's text: {1,2,3}.
[[nodiscard]] inline std::string array_of(std::span<const std::int64_t> numbers) {
  std::string out = "{";
  for (const std::int64_t number : numbers) out += (out.size() > 1 ? "," : "") + std::to_string(number);
  return out + "}";
}

/// SQL of a timestamp parameter in microseconds.
[[nodiscard]] inline std::string at(int parameter) {
  return "to_timestamp($" + std::to_string(parameter) + "::bigint / 1000000.0)";
}

/// A row of (conversation_id::text, seq, role, channel, micros, text, interrupted, open).
[[nodiscard]] Message read_message(const pqxx::row& row);
inline const std::string kMessageColumns =
    std::string("m.conversation_id::text, m.seq, m.role, m.channel, ") +
    "(extract(epoch FROM m.at) * 1000000)::bigint, m.text, " + "m.interrupted, m.open";

/// What this transaction does may take as long as there is much to do: with the usual limits it would be
/// broken off each time that it is tried.
void take_time(pqxx::work& tx);
/// Brings the schema up to date in one transaction under an advisory lock.
void migrate(pqxx::connection& connection);

}  // namespace pg

template <typename F>
auto PostgresStore::transaction(const char* what, F&& body) {
  if (!connected_) throw StoreError(StoreError::Kind::kAway, "database: not connected");
  return pg::with_connection(*pool_, what, [&](ConnectionPool::Lease& lease) {
    return pg::in_transaction(lease.connection(), body);
  });
}

}  // namespace prot::memory
