#include <algorithm>

#include "extraction/extraction.hpp"
#include "knowledge/facts.hpp"
#include "stores/postgres_facts.hpp"

/// What comes out of the queue: facts, how they follow each other, and what waits for a person.
namespace prot::memory {
namespace pg {
namespace {

constexpr const char* kInsertFact =
    "INSERT INTO fact (fact_key, spo_key, subject, predicate, object, subject_entity, object_entity, "
    "statement, status, origin, suspicion, valid_from, valid_to, superseded_by) VALUES ($1, $2, left($3, "
    "200), left($4, 200), left($5, 400), nullif($6::bigint, 0), nullif($7::bigint, 0), left($8, 600), "
    "$9, $10, left($11, 60), ";

}  // namespace

Place place_of(pqxx::work& tx, const Fact& fact, const std::string& group) {
  Place place;
  if (!is_functional(fact.predicate)) return place;
  for (const auto& row :
       run(tx,
           "SELECT id, (extract(epoch FROM valid_from) * 1000000)::bigint, status, coalesce((extract(epoch "
           "FROM valid_to) * 1000000)::bigint, 0) FROM fact WHERE (subject = $1 OR "
           "subject_entity = ANY ($2::bigint[])) AND predicate = $3 AND status IN ('active', 'superseded') "
           "AND spo_key "
           "<> $4 ORDER BY valid_from DESC, id DESC FOR UPDATE",
           fact.subject, group, fact.predicate, spo_key(fact))) {
    if (row[1].as<std::int64_t>() > micros(fact.valid_from)) {
      place.after = row[0].as<std::int64_t>();  // the earliest of the later ones stays
      place.until = row[1].as<std::int64_t>();
    } else if (std::string_view(row[2].c_str()) == "active") {
      place.before.push_back(row[0].as<std::int64_t>());
    } else if (row[3].as<std::int64_t>() > micros(fact.valid_from)) {
      place.cut.push_back(row[0].as<std::int64_t>());
    }
  }
  return place;
}

namespace {

void end_facts(pqxx::work& tx, const Place& place, Nanos at_ns) {
  if (place.after == 0)
    for (const std::int64_t id : place.before)
      run(tx, "UPDATE fact SET status = 'superseded', valid_to = " + at(2) + " WHERE id = $1::bigint", id,
          micros(at_ns));
  for (const std::int64_t id : place.cut)
    run(tx, "UPDATE fact SET valid_to = " + at(2) + " WHERE id = $1::bigint", id, micros(at_ns));
}

void name_successor(pqxx::work& tx, const Place& place, std::int64_t id) {
  const auto name = [&](std::int64_t old) {
    run(tx, "UPDATE fact SET superseded_by = $2::bigint WHERE id = $1::bigint", old, id);
  };
  if (place.after == 0) std::for_each(place.before.begin(), place.before.end(), name);
  std::for_each(place.cut.begin(), place.cut.end(), name);
}

}  // namespace

void take_place(pqxx::work& tx, const Place& place, std::int64_t id, Nanos at_ns) {
  end_facts(tx, place, at_ns);
  name_successor(tx, place, id);
}

void add_source(pqxx::work& tx, std::int64_t fact, std::int64_t message) {
  run(tx,
      "INSERT INTO fact_source (fact_id, message_id) VALUES ($1::bigint, $2::bigint) ON CONFLICT DO NOTHING",
      fact, message);
}

std::int64_t with_status(pqxx::work& tx, const std::string& spo, const char* status) {
  const pqxx::result rows =
      run(tx, "SELECT id FROM fact WHERE spo_key = $1 AND status = $2 ORDER BY id LIMIT 1 FOR UPDATE", spo,
          std::string(status));
  return rows.empty() ? 0 : rows[0][0].as<std::int64_t>();
}

namespace {

struct Ends {
  std::int64_t subject = 0;
  std::int64_t object = 0;
};

/// Names in the spelling of the entities that they mean, so that the same is said the same.
Ends resolve(EntityBook& book, Fact& fact, std::string_view said) {
  Ends ends;
  fact.subject = normalized_name(fact.subject);
  // What only waits makes no name known: the model is told of names.
  ends.subject = fact.status == FactStatus::kQuarantined ? book.find(fact.subject, "", said)
                                                         : book.id_of({fact.subject, "", ""}, said);
  if (ends.subject == 0) fact.subject = normalized_name(bare_name(fact.subject, ""));
  if (const std::string name = book.name_of(ends.subject); !name.empty()) fact.subject = name;
  ends.object = book.find(fact.object, "", said);
  if (ends.object != 0) fact.object = book.spelled(ends.object);
  return ends;
}

std::int64_t insert(pqxx::work& tx, const Fact& fact, const Ends& ends, const Place& place) {
  const bool waits = fact.status == FactStatus::kQuarantined;
  const char* status = waits ? "quarantined" : place.after != 0 ? "superseded" : "active";
  const pqxx::result made =
      run(tx,
          std::string(kInsertFact) + at(12) + ", CASE WHEN $13::bigint = 0 THEN NULL ELSE " + at(13) +
              " END, nullif($14::bigint, 0)) ON CONFLICT (fact_key) DO NOTHING RETURNING id",
          fact_key(fact), spo_key(fact), fact.subject, fact.predicate, fact.object, ends.subject, ends.object,
          fact.statement, std::string(status), std::string(to_string(fact.origin)), fact.suspicion,
          micros(fact.valid_from), place.until, place.after);
  return made.empty() ? 0 : made[0][0].as<std::int64_t>();
}

/// A person had it forgotten, and has not said it since.
bool is_forgotten(pqxx::work& tx, const std::string& spo, std::int64_t message) {
  return !run(tx,
              "SELECT 1 FROM forgotten_fact f JOIN message m ON m.id = $2::bigint WHERE f.spo_key = $1 AND "
              "f.at >= "
              "m.at",
              spo, message)
              .empty();
}

}  // namespace

bool apply_fact(pqxx::work& tx, EntityBook& book, Fact fact, std::int64_t message, std::string_view said) {
  const Ends ends = resolve(book, fact, said);
  const std::string spo = spo_key(fact);
  if (is_forgotten(tx, spo, message)) return false;
  // Said again: one more source. What a person has confirmed once does not wait again.
  if (const std::int64_t same = with_status(tx, spo, "active"); same != 0) {
    add_source(tx, same, message);
    return false;
  }
  const std::int64_t waiting = with_status(tx, spo, "quarantined");
  if (fact.status == FactStatus::kQuarantined) {
    if (with_status(tx, spo, "forgotten") != 0) return false;  // a person has rejected it
    const std::int64_t id = waiting != 0 ? waiting : insert(tx, fact, ends, {});
    if (id != 0) add_source(tx, id, message);
    return waiting == 0 && id != 0;
  }
  const Place place = place_of(tx, fact, book.group(ends.subject));
  const std::int64_t id = insert(tx, fact, ends, place);
  if (id == 0) return false;  // applied before, and ended since
  add_source(tx, id, message);
  take_place(tx, place, id, fact.valid_from);
  // The user says what came from elsewhere: confirmed.
  if (waiting != 0)
    run(tx, "UPDATE fact SET status = 'superseded', superseded_by = $2::bigint WHERE id = $1::bigint",
        waiting, id);
  return true;
}

namespace {

FactStatus status_of(std::string_view name) {
  for (const FactStatus status : {FactStatus::kActive, FactStatus::kSuperseded, FactStatus::kQuarantined})
    if (name == to_string(status)) return status;
  return FactStatus::kForgotten;
}

Origin origin_of(std::string_view name) {
  for (const Origin origin : {Origin::kUser, Origin::kAssistant, Origin::kTool, Origin::kWeb})
    if (name == to_string(origin)) return origin;
  return Origin::kImport;
}

std::vector<Fact> read_facts(const pqxx::result& rows) {
  std::vector<Fact> facts;
  for (const auto& row : rows) facts.push_back(read_fact(row));
  return facts;
}

}  // namespace

Fact read_fact(const pqxx::row& row) {
  Fact fact;
  fact.id = row[0].as<std::int64_t>();
  fact.subject = row[1].c_str();
  fact.predicate = row[2].c_str();
  fact.object = row[3].c_str();
  fact.statement = row[4].c_str();
  fact.valid_from = row[5].as<std::int64_t>() * kMicrosecond;
  fact.valid_to = row[6].as<std::int64_t>() * kMicrosecond;
  fact.origin = origin_of(row[7].c_str());
  fact.status = status_of(row[8].c_str());
  fact.suspicion = row[9].c_str();
  if (!row[10].is_null())
    fact.source = {parse_uuid(row[10].c_str()), static_cast<std::uint64_t>(row[11].as<std::int64_t>())};
  fact.reads = row[12].as<int>();
  fact.read_at = row[13].as<std::int64_t>() * kMicrosecond;
  return fact;
}

void apply_extraction(pqxx::work& tx, const Job& job, const Extraction& extraction) {
  EntityBook book(tx);
  const std::string said = said_in(job);
  for (const Entity& entity : extraction.entities) (void)book.id_of(entity, said);
  for (const Fact& fact : extraction.facts) {
    const pqxx::result message =
        run(tx, "SELECT id FROM message WHERE conversation_id = $1::uuid AND seq = $2::bigint",
            to_uuid(fact.source.conversation), signed_seq(fact.source.sequence));
    if (!message.empty()) apply_fact(tx, book, fact, message[0][0].as<std::int64_t>(), said);
  }
}

}  // namespace pg

using pg::run;

std::vector<Fact> PostgresStore::active_facts(int limit) {
  return transaction("reading facts", [&](pqxx::work& tx) {
    return pg::read_facts(
        run(tx,
            "SELECT " + pg::kFactColumns + " FROM fact f" + pg::kFactSource +
                "WHERE f.status = 'active' ORDER BY f.valid_from DESC, f.id LIMIT $1::integer",
            limit));
  });
}

std::vector<Fact> PostgresStore::past_facts(int limit) {
  return transaction("reading past facts", [&](pqxx::work& tx) {
    return pg::read_facts(
        run(tx,
            "SELECT " + pg::kFactColumns + " FROM fact f" + pg::kFactSource +
                "WHERE f.status = 'superseded' AND f.valid_to IS NOT NULL ORDER BY f.valid_to DESC, "
                "f.id LIMIT $1::integer",
            limit));
  });
}

std::vector<Fact> PostgresStore::fact_history(std::string_view subject, std::string_view predicate) {
  return transaction("reading a fact's history", [&](pqxx::work& tx) {
    const pg::EntityBook book(tx);
    return pg::read_facts(run(tx,
                              "SELECT " + pg::kFactColumns + " FROM fact f" + pg::kFactSource +
                                  "WHERE (f.subject = $1 OR f.subject_entity = ANY ($2::bigint[])) AND "
                                  "f.predicate = $3 AND f.status IN "
                                  "('active', 'superseded') ORDER BY f.valid_from, f.id",
                              normalized_name(subject), book.group(book.find(subject, "", "")),
                              canonical_predicate(predicate)));
  });
}

std::vector<Fact> PostgresStore::quarantined_facts(int limit) {
  return transaction("reading what waits for a person", [&](pqxx::work& tx) {
    return pg::read_facts(
        run(tx,
            "SELECT " + pg::kFactColumns + " FROM fact f" + pg::kFactSource +
                "WHERE f.status = 'quarantined' ORDER BY f.recorded_at, f.id LIMIT $1::integer",
            limit));
  });
}

bool PostgresStore::confirm_fact(std::int64_t id, Nanos now) {
  return transaction("confirming a fact", [&](pqxx::work& tx) {
    const pqxx::result rows = run(tx,
                                  "SELECT " + pg::kFactColumns + " FROM fact f" + pg::kFactSource +
                                      "WHERE f.id = $1::bigint AND f.status = 'quarantined' FOR UPDATE OF f",
                                  id);
    if (rows.empty()) return false;
    const Fact fact = pg::read_fact(rows[0]);
    if (const std::int64_t same = pg::with_status(tx, spo_key(fact), "active"); same != 0) {
      run(tx, "UPDATE fact SET status = 'superseded', superseded_by = $2::bigint WHERE id = $1::bigint", id,
          same);
      return true;
    }
    pg::EntityBook book(tx);
    const std::int64_t subject = book.id_of({fact.subject, "", ""}, "");
    const pg::Place place = pg::place_of(tx, fact, book.group(subject));
    pg::take_place(tx, place, id, fact.valid_from);
    run(tx,
        "UPDATE fact SET status = $2, confirmed_at = " + pg::at(3) +
            ", superseded_by = nullif($4::bigint, 0), subject_entity = nullif($6::bigint, 0), valid_to = "
            "CASE WHEN $5::bigint = 0 THEN NULL ELSE " +
            pg::at(5) + " END WHERE id = $1::bigint",
        id, std::string(place.after == 0 ? "active" : "superseded"), pg::micros(now), place.after,
        place.until, subject);
    return true;
  });
}

bool PostgresStore::reject_fact(std::int64_t id) {
  return transaction("rejecting a fact", [&](pqxx::work& tx) {
    return run(tx, "UPDATE fact SET status = 'forgotten' WHERE id = $1::bigint AND status = 'quarantined'",
               id)
               .affected_rows() > 0;
  });
}

}  // namespace prot::memory
