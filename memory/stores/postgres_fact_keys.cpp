#include "stores/postgres_fact_keys.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "knowledge/facts.hpp"
#include "stores/postgres_entities.hpp"
#include "stores/postgres_store.hpp"

namespace prot::memory::pg {
namespace {

struct Stored {
  std::int64_t id;
  Fact fact;
  std::string spo;
  bool has_source;
};

/// Facts whose columns have all of their words: the others' keys cannot be made again. The source is the
/// first one.
std::vector<Stored> stored_facts(pqxx::work& tx) {
  std::vector<Stored> facts;
  for (const auto& row : tx.exec(
           "SELECT f.id, f.subject, f.predicate, f.object, f.status, f.spo_key, m.conversation_id::text, "
           "m.seq "
           "FROM fact f LEFT JOIN LATERAL (SELECT conversation_id, seq FROM message JOIN fact_source s ON "
           "s.message_id = message.id WHERE s.fact_id = f.id ORDER BY message.id LIMIT 1) m ON true WHERE "
           "length(f.subject) < 200 AND length(f.predicate) < 200 AND length(f.object) < 400 ORDER BY "
           "f.id")) {
    Stored one{row[0].as<std::int64_t>(), {}, row[5].c_str(), !row[6].is_null()};
    one.fact.subject = row[1].c_str();
    one.fact.predicate = row[2].c_str();
    one.fact.object = row[3].c_str();
    one.fact.status =
        std::string_view(row[4].c_str()) == "active" ? FactStatus::kActive : FactStatus::kSuperseded;
    if (one.has_source)
      one.fact.source = {parse_uuid(row[6].c_str()), static_cast<std::uint64_t>(row[7].as<std::int64_t>())};
    facts.push_back(std::move(one));
  }
  return facts;
}

/// `kept` says the same, and has been told of as often.
void join_facts(pqxx::work& tx, std::int64_t kept, std::int64_t other) {
  run(tx,
      "INSERT INTO fact_source (fact_id, message_id) SELECT $1::bigint, message_id FROM fact_source WHERE "
      "fact_id = $2::bigint ON CONFLICT DO NOTHING",
      kept, other);
  run(tx, "UPDATE fact SET superseded_by = $1::bigint WHERE superseded_by = $2::bigint AND id <> $1::bigint",
      kept, other);
  run(tx, "DELETE FROM fact WHERE id = $1::bigint", other);
}

/// Of one subject the newest holds, where only one can.
void end_older(pqxx::work& tx, const std::string& predicate) {
  run(tx,
      "UPDATE fact f SET status = 'superseded', superseded_by = n.id, valid_to = n.valid_from FROM (SELECT "
      "DISTINCT ON (coalesce(subject_entity::text, subject)) id, valid_from, coalesce(subject_entity::text, "
      "subject) AS of FROM fact WHERE predicate = $1 AND status = 'active' ORDER BY "
      "coalesce(subject_entity::text, subject), valid_from DESC, id DESC) n WHERE f.predicate = $1 AND "
      "f.status = 'active' AND coalesce(f.subject_entity::text, f.subject) = n.of AND f.id <> n.id",
      predicate);
}

}  // namespace

void renew_fact_keys(pqxx::work& tx) {
  if (run(tx, "SELECT version FROM fact_rules")[0][0].as<int>() >= kFactRules) return;
  std::map<std::string, std::int64_t> active;  // by what they say
  std::set<std::string> predicates;            // that are new to some
  int changed = 0;
  int joined = 0;
  std::vector<Stored> facts = stored_facts(tx);
  // Those that are right already stay what they are.
  for (const Stored& one : facts)
    if (one.fact.status == FactStatus::kActive && spo_key(one.fact) == one.spo)
      active.emplace(one.spo, one.id);
  for (Stored& one : facts) {
    const std::string spo = spo_key(one.fact);
    const std::string predicate = canonical_predicate(one.fact.predicate);
    if (spo == one.spo && predicate == one.fact.predicate) continue;
    ++changed;
    if (one.fact.status == FactStatus::kActive) {
      const auto [same, first] = active.emplace(spo, one.id);
      if (!first && same->second != one.id) {
        join_facts(tx, same->second, one.id);
        ++joined;
        continue;
      }
      predicates.insert(predicate);
    }
    run(tx, "UPDATE fact SET predicate = $2, spo_key = $3 WHERE id = $1::bigint", one.id, predicate, spo);
    // Applying its exchange again finds it.
    if (one.has_source)
      run(tx,
          "UPDATE fact SET fact_key = $2 WHERE id = $1::bigint AND NOT EXISTS (SELECT 1 FROM fact WHERE "
          "fact_key = $2)",
          one.id, fact_key(one.fact));
  }
  for (const std::string& predicate : predicates)
    if (is_functional(predicate)) end_older(tx, predicate);
  run(tx, "UPDATE fact_rules SET version = $1::integer", kFactRules);
  if (changed > 0)
    log_info("{} facts have keys by today's rules; {} said what another says", changed, joined);
}

}  // namespace prot::memory::pg
