#include "stores/postgres_rewording.hpp"

#include <algorithm>

#include "knowledge/facts.hpp"
#include "safety/mentions.hpp"

namespace prot::memory::pg {

std::vector<std::string> reword_facts(pqxx::work& tx, std::span<const std::int64_t> facts,
                                      const std::string& gone) {
  std::vector<std::string> before;
  for (const auto& row :
       run(tx,
           "SELECT f.id, f.subject, f.predicate, f.object, f.statement, coalesce((SELECT string_agg(m.text, "
           "' ') FROM fact_source s JOIN message m ON m.id = s.message_id WHERE s.fact_id = f.id), '') FROM "
           "fact f WHERE f.id = ANY($1::bigint[])",
           array_of(facts))) {
    Fact fact;
    fact.id = row[0].as<std::int64_t>();
    fact.subject = row[1].c_str();
    fact.predicate = row[2].c_str();
    fact.object = row[3].c_str();
    fact.statement = row[4].c_str();
    const std::string statement = statement_without(fact, gone, row[5].c_str());
    if (statement == fact.statement) continue;
    run(tx, "UPDATE fact SET statement = left($2, 600) WHERE id = $1::bigint", fact.id, statement);
    run(tx,
        "DELETE FROM community WHERE id IN (SELECT community_id FROM community_fact WHERE fact_id = "
        "$1::bigint)",
        fact.id);
    before.push_back(std::move(fact.statement));
  }
  return before;
}

void end_aliases(pqxx::work& tx, const std::string& entities, const std::string& gone) {
  std::vector<std::string> aliases;
  for (const auto& row : run(tx,
                             "SELECT a.alias_norm, e.name FROM entity_alias a JOIN entity e ON e.id = "
                             "a.entity_id WHERE a.entity_id = ANY($1::bigint[])",
                             entities))
    if (mentions(gone, row[0].c_str()) && normalized_name(row[1].c_str()) != row[0].c_str())
      aliases.emplace_back(row[0].c_str());
  if (aliases.empty()) return;
  for (const auto& row :
       tx.exec("SELECT text FROM message UNION ALL SELECT subject || ' ' || object || ' ' || statement FROM "
               "fact")) {
    const std::string left = normalized_name(row[0].c_str());
    std::erase_if(aliases, [&](const std::string& alias) { return mentions(left, alias); });
  }
  for (const std::string& alias : aliases) run(tx, "DELETE FROM entity_alias WHERE alias_norm = $1", alias);
}

std::vector<std::string> all_aliases(pqxx::work& tx) {
  std::vector<std::string> aliases;
  for (const auto& row : tx.exec("SELECT alias_norm FROM entity_alias ORDER BY alias_norm COLLATE \"C\""))
    aliases.emplace_back(row[0].c_str());
  return aliases;
}

void bury_names(pqxx::work& tx, const std::vector<std::string>& before, Nanos now) {
  const std::vector<std::string> left = all_aliases(tx);
  for (const std::string& alias : before)
    if (alias != "user" && !std::binary_search(left.begin(), left.end(), alias))
      run(tx,
          "INSERT INTO forgotten_fact (spo_key, at) VALUES ($1, " + at(2) +
              ") ON CONFLICT (spo_key) DO UPDATE SET at = EXCLUDED.at",
          name_key(alias), micros(now));
}

}  // namespace prot::memory::pg
