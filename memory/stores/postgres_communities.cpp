#include <algorithm>

#include "json/json.hpp"
#include "safety/quarantine.hpp"
#include "stores/postgres_import.hpp"

/// Communities by generation: the next one is built beside the one that is read, and takes its place at once.
namespace prot::memory {
namespace {

using pg::array_of;
using pg::run;

constexpr int kMaxTries = 2;
constexpr int kMaxGraph = 20'000;

/// Serialises whoever builds; the row is the lock.
struct Generations {
  std::int64_t current = 0;
  std::int64_t building = 0;
};
Generations lock_generations(pqxx::work& tx) {
  const pqxx::result row = tx.exec("SELECT current, building FROM community_generation FOR UPDATE");
  return {row[0][0].as<std::int64_t>(), row[0][1].as<std::int64_t>()};
}

std::vector<std::string> keys_of(pqxx::work& tx, std::int64_t generation) {
  std::vector<std::string> keys;
  for (const auto& row :
       run(tx, "SELECT content_key FROM community WHERE generation = $1::bigint ORDER BY content_key",
           generation))
    keys.emplace_back(row[0].c_str());
  return keys;
}

/// When nothing waits any more the generation is the one that is read; the others go.
void switch_when_ready(pqxx::work& tx, std::int64_t building) {
  if (!run(tx, "SELECT 1 FROM community WHERE generation = $1::bigint AND state = 'waiting' LIMIT 1",
           building)
           .empty())
    return;
  run(tx, "UPDATE community_generation SET current = $1::bigint, building = 0", building);
  run(tx, "DELETE FROM community WHERE generation <> $1::bigint", building);
}

void insert_parts(pqxx::work& tx, const CommunityPlan& plan, std::int64_t id) {
  run(tx,
      "INSERT INTO community_member SELECT $1::bigint, e.id FROM entity e WHERE e.id = ANY ($2::bigint[])",
      id, array_of(plan.members));
  run(tx, "INSERT INTO community_fact SELECT $1::bigint, f.id FROM fact f WHERE f.id = ANY ($2::bigint[])",
      id, array_of(plan.facts));
}

void insert(pqxx::work& tx, const CommunityPlan& plan, std::int64_t generation) {
  // What has not changed since keeps its summary: a change costs a call for what it changed.
  const pqxx::result made = run(tx,
                                "INSERT INTO community (generation, content_key, summary, state) SELECT "
                                "$1::bigint, $2, coalesce(max(summary), "
                                "''), CASE WHEN count(*) > 0 THEN 'done' ELSE 'waiting' END FROM community "
                                "WHERE content_key = $2 AND state = "
                                "'done' RETURNING id",
                                generation, plan.content_key);
  insert_parts(tx, plan, made[0][0].as<std::int64_t>());
}

std::vector<GraphFact> read_graph(pqxx::work& tx) {
  const pg::EntityBook book(tx);
  const auto end = [&](const pqxx::field& field) {
    const std::int64_t id = field.is_null() ? 0 : book.root(field.as<std::int64_t>());
    return id == 0 || book.name_of(id) == "user" ? 0 : id;
  };
  std::vector<GraphFact> facts;
  for (const auto& row :
       run(tx,
           "SELECT f.id, f.subject_entity, f.object_entity, (SELECT max(s.message_id) FROM fact_source s "
           "WHERE "
           "s.fact_id = f.id), f.statement FROM fact f WHERE f.status = 'active' AND (f.subject_entity IS "
           "NOT NULL OR "
           "f.object_entity IS NOT NULL) ORDER BY f.valid_from DESC, f.id LIMIT $1::integer",
           kMaxGraph))
    facts.push_back(
        {row[0].as<std::int64_t>(), end(row[1]), end(row[2]), row[3].as<std::int64_t>(0), row[4].c_str()});
  return facts;
}

}  // namespace

namespace pg {
namespace {

std::vector<std::int64_t> ids_of(pqxx::work& tx, const std::string& sql,
                                 const std::vector<std::string>& keys) {
  std::vector<std::int64_t> ids;
  for (const std::string& key : keys)
    for (const auto& row : run(tx, sql, key)) ids.push_back(row[0].as<std::int64_t>());
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace

void import_community(pqxx::work& tx, const Keeper::ImportedCommunity& imported) {
  if (imported.summary.empty() || anything_forgotten(tx)) return;
  if (suspicion_of(imported.summary) != Suspicion::kNone) return;
  const std::vector<std::int64_t> members =
      ids_of(tx, "SELECT entity_id FROM entity_alias WHERE alias_norm = $1", imported.members);
  const std::vector<std::int64_t> facts =
      ids_of(tx, "SELECT id FROM fact WHERE fact_key = $1 AND status = 'active'", imported.facts);
  for (const CommunityPlan& plan : plan_communities(read_graph(tx))) {
    std::vector<std::int64_t> planned = plan.facts;
    std::sort(planned.begin(), planned.end());
    if (plan.members != members || planned != facts) continue;
    const std::int64_t now = std::max<std::int64_t>(lock_generations(tx).current, 1);
    run(tx, "UPDATE community_generation SET current = $1::bigint", now);
    const pqxx::result made = run(tx,
                                  "INSERT INTO community (generation, content_key, summary, state) VALUES "
                                  "($1::bigint, $2, $3, 'done') ON CONFLICT DO NOTHING RETURNING id",
                                  now, plan.content_key, imported.summary);
    if (!made.empty()) insert_parts(tx, plan, made[0][0].as<std::int64_t>());
    return;
  }
}

}  // namespace pg

std::vector<GraphFact> PostgresStore::graph() {
  return transaction("reading the entity graph", [](pqxx::work& tx) { return read_graph(tx); });
}

bool PostgresStore::plan_generation(std::span<const CommunityPlan> plans) {
  return transaction("planning communities", [&](pqxx::work& tx) {
    const Generations now = lock_generations(tx);
    std::vector<std::string> keys;
    for (const CommunityPlan& plan : plans) keys.push_back(plan.content_key);
    std::sort(keys.begin(), keys.end());
    if (keys == keys_of(tx, now.building != 0 ? now.building : now.current)) return false;
    const std::int64_t next = std::max(now.current, now.building) + 1;
    for (const CommunityPlan& plan : plans) insert(tx, plan, next);
    if (now.building != 0) run(tx, "DELETE FROM community WHERE generation = $1::bigint", now.building);
    run(tx, "UPDATE community_generation SET building = $1::bigint", next);
    switch_when_ready(tx, next);
    return true;
  });
}

std::optional<CommunityTask> PostgresStore::next_community() {
  return transaction("reading a community", [&](pqxx::work& tx) -> std::optional<CommunityTask> {
    const pqxx::result row = tx.exec(
        "SELECT c.id FROM community c JOIN community_generation g ON c.generation = g.building WHERE c.state "
        "= 'waiting' "
        "ORDER BY c.attempts, c.id LIMIT 1");
    if (row.empty()) return std::nullopt;
    CommunityTask task{row[0][0].as<std::int64_t>(), {}};
    for (const auto& fact : run(tx,
                                "SELECT f.statement FROM community_fact c JOIN fact f ON f.id = c.fact_id "
                                "WHERE c.community_id = $1::bigint "
                                "AND f.status = 'active' ORDER BY f.valid_from DESC, f.id",
                                task.id))
      task.statements.emplace_back(fact[0].c_str());
    return task;
  });
}

bool PostgresStore::finish_community(std::int64_t id, const std::string& summary) {
  return transaction("keeping a community's summary", [&](pqxx::work& tx) {
    const Generations now = lock_generations(tx);
    const bool done = !summary.empty();
    const pqxx::result kept = run(
        tx,
        "UPDATE community SET summary = $2, attempts = attempts + 1, state = CASE WHEN $3::boolean THEN "
        "'done' WHEN "
        "attempts + 1 >= $4::integer THEN 'failed' ELSE 'waiting' END WHERE id = $1::bigint AND generation = "
        "$5::bigint AND state = 'waiting'",
        id, summary, done, kMaxTries, now.building);
    if (kept.affected_rows() == 0) return false;  // it was forgotten, or another generation is built
    switch_when_ready(tx, now.building);
    return true;
  });
}

std::vector<Community> PostgresStore::communities(int limit) {
  return transaction("reading communities", [&](pqxx::work& tx) {
    std::vector<Community> all;
    for (const auto& row :
         run(tx,
             "SELECT c.id, c.summary, (SELECT json_agg(e.name ORDER BY e.id)::text FROM community_member m "
             "JOIN entity e "
             "ON e.id = m.entity_id WHERE m.community_id = c.id), (SELECT json_agg(f.fact_id ORDER BY "
             "f.fact_id)::text "
             "FROM community_fact f WHERE f.community_id = c.id) FROM community c JOIN community_generation "
             "g ON "
             "c.generation = g.current WHERE c.state = 'done' ORDER BY c.id LIMIT $1::integer",
             limit)) {
      Community& community = all.emplace_back();
      community.id = row[0].as<std::int64_t>();
      community.summary = row[1].c_str();
      const json::Document members = json::parse(row[2].is_null() ? "[]" : row[2].c_str());
      const json::Document facts = json::parse(row[3].is_null() ? "[]" : row[3].c_str());
      for (std::size_t i = 0; i < members.root().size(); ++i)
        community.members.emplace_back(members.root().at(i).as_string());
      for (std::size_t i = 0; i < facts.root().size(); ++i)
        community.facts.push_back(facts.root().at(i).as_int());
    }
    return all;
  });
}

}  // namespace prot::memory
