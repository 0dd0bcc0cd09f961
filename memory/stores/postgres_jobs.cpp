#include <random>

#include "facts.hpp"
#include "stores/postgres_store.hpp"

/// The queue and what comes out of it: jobs, entities, facts.
namespace prot::memory {
namespace {

using pg::at;
using pg::run;

constexpr int kTextLimit = 600;

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

void set_done(pqxx::work& tx, const Job& job) {
  run(tx,
      "UPDATE memory_job SET state = 'done', lease_token = NULL, lease_until = NULL, last_error = NULL WHERE "
      "id = $1::bigint",
      job.id);
}

std::vector<Message> load_context(pqxx::work& tx, const Job& job) {
  std::vector<Message> context;
  const std::string uuid = to_uuid(job.conversation);
  const pqxx::result rows = run(
      tx,
      "(SELECT " + pg::kMessageColumns +
          " FROM message m WHERE m.conversation_id = $1::uuid AND m.seq < $2::bigint AND NOT m.open ORDER "
          "BY m.seq DESC LIMIT 1) UNION ALL (SELECT " +
          pg::kMessageColumns +
          " FROM message m WHERE m.conversation_id = $1::uuid AND m.seq IN ($2::bigint, $3::bigint) ORDER "
          "BY m.seq)",
      uuid, pg::signed_seq(job.first_seq), pg::signed_seq(job.last_seq));
  for (const auto& row : rows) context.push_back(pg::read_message(row));
  return context;
}

/// The entity of this name, made when there is none; 0 for no name.
std::int64_t entity_id(pqxx::work& tx, const Entity& entity) {
  const std::string norm = normalized_name(entity.name);
  if (norm.empty() || norm.size() > 200) return 0;
  const pqxx::result known = run(tx, "SELECT entity_id FROM entity_alias WHERE alias_norm = $1", norm);
  if (!known.empty()) {
    const std::int64_t id = known[0][0].as<std::int64_t>();
    run(tx,
        "UPDATE entity SET type = CASE WHEN type = '' THEN $2 ELSE type END, description = CASE WHEN "
        "description = '' THEN $3 ELSE description END WHERE id = $1::bigint",
        id, entity.type, entity.description);
    return id;
  }
  const pqxx::result made = run(tx,
                                "INSERT INTO entity (name, type, description) VALUES (left($1, 200), "
                                "left($2, 60), left($3, 400)) RETURNING id",
                                entity.name, entity.type, entity.description);
  const std::int64_t id = made[0][0].as<std::int64_t>();
  run(tx, "INSERT INTO entity_alias (alias_norm, entity_id) VALUES ($1, $2::bigint)", norm, id);
  return id;
}

/// Ends what this fact replaces. False: a newer one stands already, so this one is history.
bool supersede(pqxx::work& tx, const Fact& fact, std::vector<std::int64_t>& replaced) {
  if (!is_functional(fact.predicate)) return true;
  bool newest = true;
  for (const auto& row : run(tx,
                             "SELECT id, (extract(epoch FROM valid_from) * 1000000)::bigint FROM fact WHERE "
                             "subject = $1 AND predicate = $2 AND status = 'active' AND spo_key <> $3 FOR "
                             "UPDATE",
                             normalized_name(fact.subject), fact.predicate, spo_key(fact))) {
    if (row[1].as<std::int64_t>() > pg::micros(fact.valid_from)) {
      newest = false;
    } else {
      replaced.push_back(row[0].as<std::int64_t>());
    }
  }
  return newest;
}

void add_source(pqxx::work& tx, std::int64_t fact, std::int64_t message) {
  run(tx,
      "INSERT INTO fact_source (fact_id, message_id) VALUES ($1::bigint, $2::bigint) ON CONFLICT DO NOTHING",
      fact, message);
}

void apply_fact(pqxx::work& tx, const Fact& fact, std::int64_t message) {
  const std::string spo = spo_key(fact);
  const pqxx::result same =
      run(tx, "SELECT id FROM fact WHERE spo_key = $1 AND status = 'active' FOR UPDATE", spo);
  if (!same.empty()) {
    add_source(tx, same[0][0].as<std::int64_t>(), message);
    return;
  }
  std::vector<std::int64_t> replaced;
  const bool newest = supersede(tx, fact, replaced);
  for (const std::int64_t id : replaced)
    run(tx, "UPDATE fact SET status = 'superseded', valid_to = " + at(2) + " WHERE id = $1::bigint", id,
        pg::micros(fact.valid_from));
  const std::int64_t subject = entity_id(tx, {fact.subject, "", ""});
  const pqxx::result object =
      run(tx, "SELECT entity_id FROM entity_alias WHERE alias_norm = $1", normalized_name(fact.object));
  const std::string object_id = object.empty() ? std::string() : std::string(object[0][0].c_str());
  const pqxx::result made =
      run(tx,
          "INSERT INTO fact (fact_key, spo_key, subject, predicate, object, subject_entity, object_entity, "
          "statement, status, valid_from) VALUES ($1, $2, left($3, 200), left($4, 200), left($5, 400), "
          "nullif($6::bigint, 0), nullif($7, '')::bigint, left($8, 600), $9, " +
              at(10) + ") ON CONFLICT (fact_key) DO NOTHING RETURNING id",
          fact_key(fact), spo, normalized_name(fact.subject), fact.predicate, fact.object, subject, object_id,
          fact.statement, std::string(newest ? "active" : "superseded"), pg::micros(fact.valid_from));
  if (made.empty()) return;  // applied before, and ended since
  const std::int64_t id = made[0][0].as<std::int64_t>();
  add_source(tx, id, message);
  for (const std::int64_t old : replaced)
    run(tx, "UPDATE fact SET superseded_by = $2::bigint WHERE id = $1::bigint", old, id);
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
            at(6) +
            ") ORDER BY run_after, id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id, conversation_id::text, "
            "first_seq, last_seq, attempts, coalesce(result, '')",
        pg::micros(now + lease), token, owner_, std::string(to_string(kind)), ignore_due, pg::micros(now));
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
    return job;
  });
}

bool PostgresStore::finish_extract(const Job& job, const std::string& answer, Nanos now) {
  return transaction("keeping an answer", [&](pqxx::work& tx) {
    if (!owns(tx, job)) return false;
    run(tx, "UPDATE memory_job SET result = $2 WHERE id = $1::bigint", job.id, answer);
    const std::string uuid = to_uuid(job.conversation);
    run(tx,
        "INSERT INTO memory_job (kind, dedupe_key, conversation_id, first_seq, last_seq, run_after, result) "
        "VALUES ('apply', $1, $2::uuid, $3::bigint, $4::bigint, " +
            at(5) + ", $6) ON CONFLICT (dedupe_key) DO NOTHING",
        "apply:" + uuid + ":" + std::to_string(job.first_seq) + ":1", uuid, pg::signed_seq(job.first_seq),
        pg::signed_seq(job.last_seq), pg::micros(now), answer);
    set_done(tx, job);
    return true;
  });
}

bool PostgresStore::apply(const Job& job, const Extraction& extraction, Nanos now) {
  (void)now;
  return transaction("writing facts", [&](pqxx::work& tx) {
    if (!owns(tx, job)) return false;
    for (const Entity& entity : extraction.entities) (void)entity_id(tx, entity);
    for (const Fact& fact : extraction.facts) {
      const pqxx::result message =
          run(tx, "SELECT id FROM message WHERE conversation_id = $1::uuid AND seq = $2::bigint",
              to_uuid(fact.source.conversation), pg::signed_seq(fact.source.sequence));
      if (!message.empty()) apply_fact(tx, fact, message[0][0].as<std::int64_t>());
    }
    set_done(tx, job);
    return true;
  });
}

bool PostgresStore::give_back(const Job& job, Nanos due) {
  return transaction("handing a job back", [&](pqxx::work& tx) {
    return run(tx,
               "UPDATE memory_job SET state = 'ready', lease_token = NULL, lease_until = NULL, attempts = "
               "greatest(attempts - 1, 0), run_after = least(run_after, " +
                   at(3) + ") WHERE id = $1::bigint AND lease_token = $2 AND state = 'leased'",
               job.id, job.token, pg::micros(due))
               .affected_rows() == 1;
  });
}

bool PostgresStore::fail(const Job& job, const std::string& error, Nanos due, bool dead) {
  return transaction("noting a failed job", [&](pqxx::work& tx) {
    return run(tx,
               "UPDATE memory_job SET state = $3, lease_token = NULL, lease_until = NULL, last_error = $4, "
               "run_after = " +
                   at(5) + " WHERE id = $1::bigint AND lease_token = $2 AND state = 'leased'",
               job.id, job.token, std::string(dead ? "dead" : "ready"), error.substr(0, kTextLimit),
               pg::micros(due))
               .affected_rows() == 1;
  });
}

int PostgresStore::reap(Nanos now, bool all_of_owner) {
  return transaction("freeing leases", [&](pqxx::work& tx) {
    return static_cast<int>(
        run(tx,
            "UPDATE memory_job SET state = 'ready', lease_token = NULL, lease_until = NULL WHERE state = "
            "'leased' AND (lease_until < " +
                at(1) + " OR ($2::boolean AND lease_owner = $3))",
            pg::micros(now), all_of_owner, owner_)
            .affected_rows());
  });
}

std::vector<Fact> PostgresStore::active_facts(int limit) {
  return transaction("reading facts", [&](pqxx::work& tx) {
    std::vector<Fact> facts;
    const pqxx::result rows =
        run(tx,
            "SELECT f.subject, f.predicate, f.object, f.statement, (extract(epoch FROM f.valid_from) * "
            "1000000)::bigint, m.conversation_id::text, m.seq FROM fact f JOIN LATERAL (SELECT "
            "conversation_id, seq FROM message JOIN fact_source s ON s.message_id = message.id WHERE "
            "s.fact_id = f.id ORDER BY message.at DESC LIMIT 1) m ON true WHERE f.status = 'active' ORDER BY "
            "f.valid_from DESC, f.id LIMIT $1::integer",
            limit);
    for (const auto& row : rows) {
      Fact fact{row[0].c_str(), row[1].c_str(), row[2].c_str(), row[3].c_str(), 0, {}};
      fact.valid_from = row[4].as<std::int64_t>() * kMicrosecond;
      fact.source = {parse_uuid(row[5].c_str()), static_cast<std::uint64_t>(row[6].as<std::int64_t>())};
      facts.push_back(std::move(fact));
    }
    return facts;
  });
}

Counts PostgresStore::counts() {
  return transaction("counting", [&](pqxx::work& tx) {
    const pqxx::result rows = tx.exec(
        "SELECT (SELECT count(*) FROM message), count(*) FILTER (WHERE state = 'ready'), count(*) FILTER "
        "(WHERE state = 'leased'), count(*) FILTER (WHERE state = 'dead'), (SELECT count(*) FROM fact WHERE "
        "status = 'active') FROM memory_job WHERE state <> 'done'");
    const auto value = [&](int column) {
      return static_cast<std::uint64_t>(rows[0][column].as<std::int64_t>());
    };
    return Counts{value(0), value(1), value(2), value(3), value(4)};
  });
}

}  // namespace prot::memory
