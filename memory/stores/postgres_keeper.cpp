#include <array>

#include "stores/postgres_near.hpp"
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
    ", 'text', m.text, 'interrupted', m.interrupted, 'pending', EXISTS (SELECT 1 FROM memory_job j WHERE "
    "j.dedupe_key = ANY(ARRAY['extract:' || m.conversation_id || ':' || m.seq || ':1', 'apply:' || "
    "m.conversation_id || ':' || m.seq || ':1']) AND j.state <> 'done'))::text, m.id FROM message m ";

constexpr const char* kSourceRows =
    "SELECT m.conversation_id, m.seq, m.at FROM fact_source s JOIN message m ON m.id = s.message_id WHERE "
    "s.fact_id = f.id";

/// `sources`: rows of m.
std::string fact_with(const std::string& sources) {
  return "json_build_object('type', 'fact', 'id', f.id, 'key', f.fact_key, 'subject', f.subject, "
         "'predicate', f.predicate, 'object', f.object, 'statement', f.statement, 'status', CASE f.status "
         "WHEN 'forgotten' THEN 'rejected' ELSE f.status END, 'origin', f.origin, 'suspicion', f.suspicion, "
         "'confirmed', f.confirmed_at IS NOT NULL, 'reads', f.read_count, 'read_at_us', " +
         micros("f.read_at") + ", 'valid_from', " + time("f.valid_from") + ", 'valid_to', " +
         time("f.valid_to") + ", 'valid_from_us', " + micros("f.valid_from") + ", 'valid_to_us', " +
         micros("f.valid_to") +
         ", 'superseded_by', f.superseded_by, 'sources', coalesce((SELECT json_agg(json_build_object("
         "'conversation', replace(m.conversation_id::text, '-', ''), 'id', m.seq) ORDER BY m.at) FROM (" +
         sources + ") m), '[]'))::text, f.id FROM fact f ";
}

const std::string kFact = fact_with(kSourceRows);
/// In a list: what is said every day has thousands.
const std::string kListedFact = fact_with(kSourceRows + std::string(" ORDER BY m.at DESC LIMIT 8"));

/// A name by which an entity of this column is found again elsewhere.
std::string handle(const std::string& id) {
  return "(SELECT min(a.alias_norm) FROM entity_alias a WHERE a.entity_id = " + id + ")";
}

const std::string kEntity =
    "json_build_object('type', 'entity', 'id', e.id, 'name', e.name, 'kind', e.type, 'description', "
    "e.description, 'merged_into', " +
    handle("e.merged_into") +
    ", 'aliases', coalesce((SELECT json_agg(json_build_object('name', a.alias_norm, 'kind', a.kind) ORDER BY "
    "a.alias_norm) FROM entity_alias a WHERE a.entity_id = e.id), '[]'))::text, e.id FROM entity e ";

const std::string kSuccession =
    "json_build_object('type', 'succession', 'fact', f.fact_key, 'by', n.fact_key)::text, f.id FROM fact f "
    "JOIN fact n ON n.id = f.superseded_by ";

const std::string kMerge =
    "json_build_object('type', 'merge', 'name', " + handle("e.id") + ", 'into', " + handle("e.merged_into") +
    ", 'ended', coalesce((SELECT json_agg(f.fact_key ORDER BY f.fact_key) FROM fact f WHERE "
    "f.ended_by_merge = e.id), '[]'))::text, e.id FROM entity e JOIN entity w ON w.id "
    "= e.merged_into ";

const std::string kCommunity =
    "json_build_object('type', 'community', 'summary', c.summary, 'members', (SELECT json_agg(n.name ORDER "
    "BY n.name) FROM (SELECT " +
    handle("m.entity_id") +
    " AS name FROM community_member m WHERE m.community_id = c.id) n), 'facts', (SELECT "
    "json_agg(f.fact_key ORDER BY f.fact_key) FROM community_fact l JOIN fact f ON f.id = l.fact_id WHERE "
    "l.community_id = c.id))::text, c.id FROM community c JOIN community_generation g ON c.generation = "
    "g.current WHERE c.state = 'done' ";

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
    "pg_database_size(current_database()), 'schema', (SELECT max(version) FROM schema_version)";

std::string sql_of(Keeper::Look what) {
  using Look = Keeper::Look;
  switch (what) {
    case Look::kFind:
      return kMessage +
             "WHERE NOT m.open AND to_tsvector('simple', m.text) @@ to_tsquery('simple', $1) ORDER BY "
             "ts_rank(to_tsvector('simple', m.text), to_tsquery('simple', $1)) DESC, m.id DESC LIMIT "
             "$2::integer";
    case Look::kFindFacts:
      return kListedFact +
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
      return kListedFact +
             "WHERE $1 = '' OR f.status = $1 ORDER BY f.valid_from DESC, f.id LIMIT $2::integer";
    case Look::kFact:
      return kListedFact + "WHERE f.id = $1::bigint";
    case Look::kSources:
      return kMessage +
             "JOIN fact_source s ON s.message_id = m.id WHERE s.fact_id = $1::bigint ORDER BY m.at LIMIT 100";
    case Look::kFactsOf:
      return kListedFact +
             "WHERE EXISTS (SELECT 1 FROM fact_source s JOIN message m ON m.id = s.message_id WHERE "
             "s.fact_id "
             "= f.id AND m.conversation_id = $1::uuid AND m.seq = $2::bigint) ORDER BY f.id LIMIT 200";
    case Look::kRivals:
      return kListedFact +
             "WHERE f.status <> 'forgotten' AND EXISTS (SELECT 1 FROM fact o WHERE o.id = $1::bigint AND "
             "o.predicate = f.predicate AND (o.subject = f.subject OR o.subject_entity = f.subject_entity)) "
             "ORDER BY f.valid_from, f.id LIMIT 100";
    case Look::kEntities:
      return kEntity +
             "WHERE $1 = '' OR EXISTS (SELECT 1 FROM entity_alias a WHERE a.entity_id = e.id AND "
             "a.alias_norm "
             "= $1) ORDER BY e.name, e.id LIMIT $2::integer";
    case Look::kDead:
      return kDeadJobs;
    case Look::kAllMessages:
      return kMessage + "WHERE m.id > $1::bigint AND NOT m.open ORDER BY m.id LIMIT $2::integer";
    case Look::kAllFacts:
      return kFact + "WHERE f.id > $1::bigint ORDER BY f.id LIMIT $2::integer";
    case Look::kAllEntities:
      return kEntity + "WHERE e.id > $1::bigint ORDER BY e.id LIMIT $2::integer";
    case Look::kAllSuccessions:
      return kSuccession + "WHERE f.id > $1::bigint ORDER BY f.id LIMIT $2::integer";
    case Look::kAllMerges:
      return kMerge + "WHERE e.id > $1::bigint ORDER BY e.id LIMIT $2::integer";
    case Look::kAllCommunities:
      return kCommunity + "AND c.id > $1::bigint ORDER BY c.id LIMIT $2::integer";
    case Look::kSizes:
      break;
  }
  return {};
}

std::string sizes(pqxx::work& tx) {
  return "SELECT " + kSizes + ", 'pgvector', " + tx.quote(near_stats(tx)) + "::json)::text, 0";
}

}  // namespace

std::string any_of_words(std::span<const std::string> words) {
  std::string query;
  for (const std::string& word : words) {
    query += query.empty() ? "'" : " | '";
    for (const char c : word) query.append(c == '\'' || c == '\\' ? 2 : 1, c);
    query += "':*";
  }
  return query;
}

std::vector<Keeper::Row> PostgresStore::look(Look what, std::span<const std::string> arguments) {
  return transaction("looking at memory", [&](pqxx::work& tx) {
    const std::string sql = what == Look::kSizes ? sizes(tx) : "SELECT " + sql_of(what);
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

int PostgresStore::drop_old_dead(int most, Nanos before) {
  return transaction("dropping old dead jobs", [&](pqxx::work& tx) {
    return static_cast<int>(
        run(tx,
            "UPDATE memory_job SET state = 'done', result = NULL, last_error = NULL WHERE state = 'dead' AND "
            "(run_after < " +
                at(2) +
                " OR id IN (SELECT id FROM memory_job WHERE state = 'dead' ORDER BY run_after DESC, id DESC "
                "OFFSET $1::integer))",
            most, pg::micros(before))
            .affected_rows());
  });
}

}  // namespace prot::memory
