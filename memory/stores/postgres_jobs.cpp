#include <algorithm>
#include <random>

#include "extraction/extraction.hpp"
#include "json/json.hpp"
#include "stores/postgres_entities.hpp"
#include "text/utf8.hpp"

/// The queue.
namespace prot::memory {
namespace {

using pg::at;
using pg::run;

constexpr int kTextLimit = 600;
constexpr Nanos kDay = 86'400 * kSecond;

std::string fresh_token() {
  std::random_device source;
  return std::to_string(source()) + "-" + std::to_string(source());
}

/// True when the caller still owns the job; the row is then locked until commit.
bool owns(pqxx::work& tx, const Job& job) {
  return !run(tx,
              "SELECT 1 FROM memory_job WHERE id = $1::bigint AND lease_token = $2 AND state = 'leased' FOR "
              "UPDATE",
              job.id, job.token)
              .empty();
}

/// All that the lease holds.
void set_done(pqxx::work& tx, const Job& job) {
  run(tx,
      "UPDATE memory_job SET state = 'done', lease_token = NULL, lease_until = NULL, last_error = NULL WHERE "
      "lease_token = $1 AND state = 'leased'",
      job.token);
}

std::vector<Message> load_context(pqxx::work& tx, const Job& job) {
  std::vector<Message> context;
  const std::string uuid = to_uuid(job.conversation);
  const pqxx::result rows = run(
      tx,
      // A pair: as in postgres_append.cpp.
      "(SELECT " + pg::kMessageColumns +
          " FROM (SELECT * FROM message WHERE (conversation_id, seq) < ($1::uuid, $2::bigint) AND NOT open "
          "ORDER BY conversation_id DESC, seq DESC LIMIT 1) m WHERE m.conversation_id = $1::uuid) UNION ALL "
          "(SELECT " +
          pg::kMessageColumns +
          " FROM message m WHERE m.conversation_id = $1::uuid AND m.seq BETWEEN $2::bigint AND $3::bigint "
          "ORDER "
          "BY m.seq LIMIT 24)",
      uuid, pg::signed_seq(job.first_seq), pg::signed_seq(job.last_seq));
  for (const auto& row : rows) context.push_back(pg::read_message(row));
  return context;
}

std::string offered_ids(const Job& job) {
  json::Writer ids;
  ids.begin_array();
  for (const KnownEntity& entity : job.offered) ids.value(entity.id);
  return ids.end_array().str();
}

/// What the model may be told to know (extract), or was told (apply).
void load_offered(pqxx::work& tx, Job& job, std::string_view ids) {
  if (job.kind == JobKind::kExtract) {
    job.offered = pg::EntityBook(tx).candidates(said_in(job), kMaxOffered);
    return;
  }
  const json::Document list = json::parse(ids);
  for (std::size_t i = 0; i < list.root().size(); ++i)
    job.offered.push_back({list.root().at(i).as_int(), "", "", {}});
}

}  // namespace

std::optional<Job> PostgresStore::claim(JobKind kind, Nanos now, Nanos lease, bool ignore_due) {
  return transaction("claiming a job", [&](pqxx::work& tx) -> std::optional<Job> {
    const std::string token = fresh_token();
    const pqxx::result rows = run(
        tx,
        "UPDATE memory_job SET state = 'leased', lease_until = " + at(1) +
            ", lease_token = $2, lease_owner = $3, attempts = attempts + 1 WHERE id = (SELECT id FROM "
            "memory_job WHERE kind = $4 AND state = 'ready' AND ($5::boolean OR run_after <= " +
            at(6) + " OR run_after > " + at(7) +
            ") ORDER BY run_after, id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id, conversation_id::text, "
            "first_seq, last_seq, attempts, coalesce(result, ''), offered",
        pg::micros(now + lease), token, owner_, std::string(to_string(kind)), ignore_due, pg::micros(now),
        pg::micros(now + kFarAhead));
    if (rows.empty()) return std::nullopt;
    Job job;
    job.id = rows[0][0].as<std::int64_t>();
    job.kind = kind;
    job.conversation = parse_uuid(rows[0][1].c_str());
    job.first_seq = static_cast<std::uint64_t>(rows[0][2].as<std::int64_t>());
    job.last_seq = static_cast<std::uint64_t>(rows[0][3].as<std::int64_t>());
    job.attempts = rows[0][4].as<int>();
    job.token = token;
    job.result = rows[0][5].c_str();
    job.context = load_context(tx, job);
    load_offered(tx, job, rows[0][6].c_str());
    return job;
  });
}

void PostgresStore::claim_more(Job* job, Nanos now, Nanos lease, bool ignore_due, int most) {
  transaction("claiming what follows a job", [&](pqxx::work& tx) {
    std::string ids = "{";
    int taken = 1;
    std::uint64_t last = job->last_seq;
    // Without a gap: what was asked about before must not be asked again.
    for (const auto& row :
         run(tx,
             "SELECT id, state = 'ready' AND attempts = $3::integer AND ($4::boolean OR run_after "
             "<= " +
                 at(5) + " OR run_after > " + at(7) +
                 "), last_seq FROM memory_job WHERE kind = 'extract' AND conversation_id = $1::uuid "
                 "AND first_seq > $2::bigint ORDER BY first_seq LIMIT $6::integer FOR UPDATE",
             to_uuid(job->conversation), pg::signed_seq(job->first_seq), job->attempts - 1, ignore_due,
             pg::micros(now), most - 1, pg::micros(now + kFarAhead))) {
      if (!row[1].as<bool>()) break;
      ids += (ids.size() > 1 ? "," : "") + std::string(row[0].c_str());
      last = std::max(last, static_cast<std::uint64_t>(row[2].as<std::int64_t>()));
      ++taken;
    }
    if (taken == 1) return;
    run(tx,
        "UPDATE memory_job SET state = 'leased', lease_until = " + at(1) +
            ", lease_token = $2, lease_owner = $3, attempts = attempts + 1 WHERE id = ANY ($4::bigint[])",
        pg::micros(now + lease), job->token, owner_, ids + "}");
    job->last_seq = last;
    job->exchanges = taken;
    job->context = load_context(tx, *job);
    load_offered(tx, *job, {});
  });
}

bool PostgresStore::finish_extract(const Job& job, const std::string& answer, Nanos now) {
  return transaction("keeping an answer", [&](pqxx::work& tx) {
    if (!owns(tx, job)) return false;
    run(tx, "UPDATE memory_job SET result = $2 WHERE id = $1::bigint", job.id, answer);
    const std::string uuid = to_uuid(job.conversation);
    run(tx,
        "INSERT INTO memory_job (kind, dedupe_key, conversation_id, first_seq, last_seq, run_after, result, "
        "offered) "
        "VALUES ('apply', $1, $2::uuid, $3::bigint, $4::bigint, " +
            at(5) + ", $6, $7) ON CONFLICT (dedupe_key) DO NOTHING",
        "apply:" + uuid + ":" + std::to_string(job.first_seq) + ":1", uuid, pg::signed_seq(job.first_seq),
        pg::signed_seq(job.last_seq), pg::micros(now), answer, offered_ids(job));
    set_done(tx, job);
    return true;
  });
}

bool PostgresStore::apply(const Job& job, const Extraction& extraction, Nanos now) {
  (void)now;
  return transaction("writing facts", [&](pqxx::work& tx) {
    if (!owns(tx, job)) return false;
    pg::apply_extraction(tx, job, extraction);
    set_done(tx, job);
    return true;
  });
}

bool PostgresStore::give_back(const Job& job, Nanos due) {
  return transaction("handing a job back", [&](pqxx::work& tx) {
    return run(tx,
               "UPDATE memory_job SET state = 'ready', lease_token = NULL, lease_until = NULL, attempts = "
               "greatest(attempts - 1, 0), run_after = least(run_after, " +
                   at(2) + ") WHERE lease_token = $1 AND state = 'leased'",
               job.token, pg::micros(due))
               .affected_rows() >= 1;
  });
}

bool PostgresStore::fail(const Job& job, const std::string& error, Nanos due, bool dead) {
  return transaction("noting a failed job", [&](pqxx::work& tx) {
    return run(tx,
               "UPDATE memory_job SET state = $2, lease_token = NULL, lease_until = NULL, last_error = $3, "
               "run_after = " +
                   at(4) + " WHERE lease_token = $1 AND state = 'leased'",
               job.token, std::string(dead ? "dead" : "ready"),
               std::string(text::truncate_utf8(error, kTextLimit)), pg::micros(due))
               .affected_rows() >= 1;
  });
}

bool PostgresStore::renew(const std::string& token, Nanos until) {
  return transaction("renewing a lease", [&](pqxx::work& tx) {
    return run(tx,
               "UPDATE memory_job SET lease_until = " + at(2) +
                   " WHERE lease_token = $1 AND state = 'leased'",
               token, pg::micros(until))
               .affected_rows() >= 1;
  });
}

int PostgresStore::reap(Nanos now, Freed which, const std::string& held) {
  return transaction("freeing leases", [&](pqxx::work& tx) {
    return static_cast<int>(
        run(tx,
            "UPDATE memory_job SET state = 'ready', lease_token = NULL, lease_until = NULL, attempts = CASE "
            "WHEN $5::boolean AND lease_owner = $3 AND kind = 'extract' THEN greatest(attempts - 1, 0) ELSE "
            "attempts END WHERE state = 'leased' AND lease_token <> $4 AND (lease_until < " +
                at(1) + " OR lease_until > " + at(6) + " OR ($2::boolean AND lease_owner = $3))",
            pg::micros(now), which != Freed::kOver, owner_, held, which == Freed::kStray,
            pg::micros(now + kFarAhead))
            .affected_rows());
  });
}

ModelUse PostgresStore::model_use(Nanos now) {
  return transaction("reading what the model was asked", [&](pqxx::work& tx) {
    const pqxx::result rows =
        run(tx, "SELECT calls, tokens FROM model_use WHERE day = $1::integer", now / kDay);
    if (rows.empty()) return ModelUse{};
    return ModelUse{static_cast<std::uint64_t>(rows[0][0].as<std::int64_t>()),
                    static_cast<std::uint64_t>(rows[0][1].as<std::int64_t>())};
  });
}

void PostgresStore::add_model_use(const ModelUse& more, Nanos now) {
  transaction("noting what the model was asked", [&](pqxx::work& tx) {
    run(tx,
        "INSERT INTO model_use AS u (day, calls, tokens) VALUES ($1::integer, $2::bigint, $3::bigint) ON "
        "CONFLICT (day) DO UPDATE SET calls = u.calls + EXCLUDED.calls, tokens = u.tokens + EXCLUDED.tokens",
        now / kDay, static_cast<std::int64_t>(more.calls), static_cast<std::int64_t>(more.tokens));
  });
}

Counts PostgresStore::counts() {
  return transaction("counting", [&](pqxx::work& tx) {
    // After every turn: of a long past only what came since is counted. The states have an index each.
    const pqxx::result rows =
        run(tx,
            "SELECT count(*), coalesce(max(id), $1::bigint), (SELECT count(*) FROM memory_job WHERE state = "
            "'ready'), (SELECT count(*) FROM memory_job WHERE state = 'leased'), (SELECT count(*) FROM "
            "memory_job WHERE state = 'dead'), (SELECT count(*) FROM fact WHERE status = 'active'), (SELECT "
            "count(*) FROM fact WHERE status = 'quarantined') FROM message WHERE id > $1::bigint",
            counted_through_);
    const auto value = [&](int column) {
      return static_cast<std::uint64_t>(rows[0][column].as<std::int64_t>());
    };
    counted_ += value(0);
    counted_through_ = static_cast<std::int64_t>(value(1));
    return Counts{counted_, value(2), value(3), value(4), value(5), value(6)};
  });
}

}  // namespace prot::memory
