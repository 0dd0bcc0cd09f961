#include <array>

#include "stores/postgres_store.hpp"

/// What a person sees of the database, as JSON that the database itself writes.
namespace prot::memory {
namespace {

using pg::at;
using pg::run;

std::string time(const std::string& column) {
  return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
}

std::string micros(const std::string& column) {
  return "(extract(epoch FROM " + column + ") * 1000000)::bigint";
}

const std::string kMessage =
    "json_build_object('type', 'message', 'conversation', replace(m.conversation_id::text, '-', ''), 'id', "
    "m.seq, 'role', m.role, "
    "'channel', m.channel, 'at', " +
    time("m.at") + ", 'at_us', " + micros("m.at") +
    ", 'text', m.text, 'interrupted', m.interrupted)::text, m.id FROM message m ";

const std::string kFact =
    "json_build_object('type', 'fact', 'id', f.id, 'subject', f.subject, 'predicate', f.predicate, 'object', "
    "f.object, "
    "'statement', f.statement, 'status', f.status, 'origin', f.origin, 'valid_from', " +
    time("f.valid_from") + ", 'valid_to', " + time("f.valid_to") + ", 'valid_from_us', " +
    micros("f.valid_from") + ", 'valid_to_us', " + micros("f.valid_to") +
    ", 'superseded_by', f.superseded_by, 'sources', coalesce((SELECT json_agg(json_build_object("
    "'conversation', replace(m.conversation_id::text, '-', ''), 'id', m.seq) ORDER BY m.at) FROM fact_source "
    "s "
    "JOIN message m ON m.id = s.message_id WHERE s.fact_id = f.id), '[]'))::text, f.id FROM fact f ";

const std::string kDeadJobs =
    "json_build_object('id', j.id, 'kind', j.kind, 'conversation', replace(j.conversation_id::text, '-', "
    "''), "
    "'message', j.first_seq, 'attempts', j.attempts, 'error', coalesce(j.last_error, ''), 'answer_bytes', "
    "coalesce(octet_length(j.result), 0), 'created', " +
    time("j.created_at") +
    ")::text, j.id FROM memory_job j WHERE j.state = 'dead' ORDER BY j.id LIMIT $1::integer";

const std::string kSizes =
    "json_build_object('conversations', (SELECT count(*) FROM conversation), 'messages', (SELECT count(*) "
    "FROM "
    "message), 'facts', json_build_object('active', (SELECT count(*) FROM fact WHERE status = 'active'), "
    "'superseded', (SELECT count(*) FROM fact WHERE status = 'superseded'), 'quarantined', (SELECT count(*) "
    "FROM fact WHERE status = 'quarantined')), 'entities', (SELECT count(*) FROM entity), 'jobs', "
    "json_build_object('ready', (SELECT count(*) FROM memory_job WHERE state = 'ready'), 'leased', (SELECT "
    "count(*) FROM memory_job WHERE state = 'leased'), 'done', (SELECT count(*) FROM memory_job WHERE state "
    "= "
    "'done'), 'dead', (SELECT count(*) FROM memory_job WHERE state = 'dead')), 'bytes', "
    "pg_database_size(current_database()), 'schema', (SELECT max(version) FROM schema_version))::text, 0";

std::string sql_of(Keeper::Look what) {
  using Look = Keeper::Look;
  switch (what) {
    case Look::kFind:
      return kMessage +
             "WHERE NOT m.open AND to_tsvector('simple', m.text) @@ to_tsquery('simple', $1) ORDER BY "
             "ts_rank(to_tsvector('simple', m.text), to_tsquery('simple', $1)) DESC, m.id DESC LIMIT "
             "$2::integer";
    case Look::kFindFacts:
      return kFact +
             "WHERE f.status = 'active' AND to_tsvector('simple', f.statement) @@ to_tsquery('simple', $1) "
             "ORDER BY ts_rank(to_tsvector('simple', f.statement), to_tsquery('simple', $1)) DESC, f.id DESC "
             "LIMIT $2::integer";
    case Look::kTime:
      return kMessage + "WHERE m.at >= " + at(1) + " AND m.at < " + at(2) +
             " AND m.text <> '' ORDER BY m.at, m.seq LIMIT $3::integer";
    case Look::kMessage:
      return kMessage +
             "WHERE m.seq = $1::bigint AND ($2 = '' OR m.conversation_id = nullif($2, '')::uuid) "
             "ORDER BY m.id LIMIT 20";
    case Look::kExchange:
      return kMessage +
             "WHERE m.conversation_id = $1::uuid AND m.seq >= $2::bigint AND m.seq < coalesce((SELECT "
             "min(n.seq) FROM message n WHERE n.conversation_id = $1::uuid AND n.seq > $2::bigint AND n.role "
             "= "
             "'user'), 9223372036854775807) ORDER BY m.seq LIMIT 100";
    case Look::kFacts:
      return kFact + "WHERE $1 = '' OR f.status = $1 ORDER BY f.valid_from DESC, f.id LIMIT $2::integer";
    case Look::kFact:
      return kFact + "WHERE f.id = $1::bigint";
    case Look::kSources:
      return kMessage +
             "JOIN fact_source s ON s.message_id = m.id WHERE s.fact_id = $1::bigint ORDER BY m.at LIMIT 100";
    case Look::kFactsOf:
      return kFact +
             "WHERE EXISTS (SELECT 1 FROM fact_source s JOIN message m ON m.id = s.message_id WHERE "
             "s.fact_id "
             "= f.id AND m.conversation_id = $1::uuid AND m.seq = $2::bigint) ORDER BY f.id LIMIT 200";
    case Look::kDead:
      return kDeadJobs;
    case Look::kAllMessages:
      return kMessage +
             "WHERE m.id > $1::bigint AND NOT m.open AND m.text <> '' ORDER BY m.id LIMIT $2::integer";
    case Look::kAllFacts:
      return kFact + "WHERE f.id > $1::bigint ORDER BY f.id LIMIT $2::integer";
    case Look::kSizes:
      return kSizes;
  }
  return {};
}

}  // namespace

std::vector<Keeper::Row> PostgresStore::look(Look what, std::span<const std::string> arguments) {
  return transaction("looking at memory", [&](pqxx::work& tx) {
    const std::string sql = "SELECT " + sql_of(what);
    const auto& a = arguments;
    const pqxx::result found = a.empty()       ? tx.exec(sql)
                               : a.size() == 1 ? run(tx, sql, a[0])
                               : a.size() == 2 ? run(tx, sql, a[0], a[1])
                                               : run(tx, sql, a[0], a[1], a[2]);
    std::vector<Row> rows;
    for (const auto& row : found) rows.push_back({row[0].c_str(), row[1].as<std::int64_t>()});
    return rows;
  });
}

int PostgresStore::retry_dead(std::span<const std::int64_t> jobs, Nanos now) {
  return transaction("trying dead jobs again", [&](pqxx::work& tx) {
    return static_cast<int>(
        run(tx,
            "UPDATE memory_job SET state = 'ready', attempts = 0, last_error = NULL, run_after = " + at(2) +
                " WHERE state = 'dead' AND (cardinality($1::bigint[]) = 0 OR id = ANY($1::bigint[]))",
            pg::array_of(jobs), pg::micros(now))
            .affected_rows());
  });
}

int PostgresStore::drop_dead(std::span<const std::int64_t> jobs) {
  // Done rather than deleted: its key must keep a replay from making it anew.
  return transaction("dropping dead jobs", [&](pqxx::work& tx) {
    return static_cast<int>(
        run(tx,
            "UPDATE memory_job SET state = 'done', result = NULL, last_error = NULL WHERE "
            "state = 'dead' AND (cardinality($1::bigint[]) = 0 OR id = ANY($1::bigint[]))",
            pg::array_of(jobs))
            .affected_rows());
  });
}

}  // namespace prot::memory
