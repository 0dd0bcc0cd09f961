#include "stores/postgres_entities.hpp"

#include <algorithm>
#include <set>

#include "knowledge/facts.hpp"
#include "text/utf8.hpp"

namespace prot::memory {
namespace pg {
namespace {

constexpr std::size_t kMaxAlias = 200;

/// What cannot hold of one entity twice: the newest does. `merged`: undoing this merge opens the others
/// again.
void end_rivals(pqxx::work& tx, const std::string& group, std::int64_t merged) {
  std::string predicate;
  std::int64_t newest = 0;
  for (const auto& row :
       run(tx,
           "SELECT id, predicate FROM fact WHERE subject_entity = ANY ($1::bigint[]) AND status = "
           "'active' ORDER BY predicate, valid_from DESC, id DESC FOR UPDATE",
           group)) {
    if (predicate != row[1].c_str()) {
      predicate = row[1].c_str();
      newest = row[0].as<std::int64_t>();
    } else if (is_functional(predicate)) {
      run(tx,
          "UPDATE fact SET status = 'superseded', superseded_by = $2::bigint, ended_by_merge = "
          "nullif($3::bigint, 0), "
          "valid_to = (SELECT n.valid_from FROM fact n WHERE n.id = $2::bigint) WHERE id = $1::bigint",
          row[0].as<std::int64_t>(), newest, merged);
    }
  }
}

}  // namespace

EntityBook::EntityBook(pqxx::work& tx) : tx_(&tx) {
  for (const auto& row : tx.exec("SELECT id, name, type, coalesce(merged_into, 0) FROM entity ORDER BY id"))
    rows_[row[0].as<std::int64_t>()] = {row[1].c_str(), row[2].c_str(), row[3].as<std::int64_t>(), {}};
  for (const auto& row :
       tx.exec("SELECT entity_id, alias_norm FROM entity_alias ORDER BY entity_id, alias_norm"))
    rows_[row[0].as<std::int64_t>()].aliases.emplace_back(row[1].c_str());
  for (const auto& [id, row] : rows_) {
    const std::int64_t top = root(id);
    for (const std::string& alias : row.aliases) resolver_.add_alias(top, rows_.at(top).type, alias);
  }
}

std::int64_t EntityBook::root(std::int64_t id) const {
  std::set<std::int64_t> seen;
  for (auto row = rows_.find(id);
       row != rows_.end() && row->second.merged_into != 0 && seen.insert(id).second; row = rows_.find(id)) {
    if (!rows_.contains(row->second.merged_into)) break;
    id = row->second.merged_into;
  }
  return id;
}

std::string EntityBook::name_of(std::int64_t id) const {
  const auto row = rows_.find(root(id));
  return row == rows_.end() ? std::string() : normalized_name(row->second.name);
}

std::string EntityBook::group(std::int64_t id) const {
  std::string ids = "{";
  const std::int64_t top = root(id);
  for (const auto& [other, row] : rows_)
    if (root(other) == top) ids += (ids.size() > 1 ? "," : "") + std::to_string(other);
  return ids + "}";
}

KnownEntity EntityBook::known(std::int64_t top) const {
  KnownEntity entity{top, rows_.at(top).name, rows_.at(top).type, {}};
  for (const auto& [id, row] : rows_)
    if (root(id) == top) entity.aliases.insert(entity.aliases.end(), row.aliases.begin(), row.aliases.end());
  return entity;
}

std::vector<KnownEntity> EntityBook::live() const {
  std::map<std::int64_t, KnownEntity> known;
  for (const auto& [id, row] : rows_) {
    const std::int64_t top = root(id);
    KnownEntity& entity = known[top];
    entity.id = top;
    entity.name = rows_.at(top).name;
    entity.type = rows_.at(top).type;
    entity.aliases.insert(entity.aliases.end(), row.aliases.begin(), row.aliases.end());
  }
  std::vector<KnownEntity> all;
  all.reserve(known.size());
  for (auto& [id, entity] : known) all.push_back(std::move(entity));
  return all;
}

std::vector<KnownEntity> EntityBook::candidates(std::string_view text, std::size_t most) const {
  std::vector<KnownEntity> found;
  for (const std::int64_t id : resolver_.candidates(text, most)) {
    const Row& row = rows_.at(id);
    found.push_back({id, row.name, row.type, {}});
  }
  return found;
}

void EntityBook::learn(std::int64_t id, const std::string& alias, const char* kind) {
  if (alias.empty() || alias.size() > kMaxAlias) return;
  const pqxx::result added = run(*tx_,
                                 "INSERT INTO entity_alias (alias_norm, entity_id, kind) VALUES ($1, "
                                 "$2::bigint, $3) ON CONFLICT DO NOTHING "
                                 "RETURNING 1",
                                 alias, id, std::string(kind));
  if (added.empty()) return;
  rows_[id].aliases.push_back(alias);
  resolver_.add_alias(root(id), rows_[root(id)].type, alias);
}

std::int64_t EntityBook::id_of(const Entity& entity, std::string_view said) {
  const std::string norm = normalized_name(entity.name);
  if (norm.empty() || norm.size() > kMaxAlias) return 0;
  std::int64_t id = find(entity.name, entity.type, said);
  if (id == 0 && has(entity.known) && may_be_called(entity.name, entity.type, known(root(entity.known)))) {
    id = root(entity.known);
    learn(id, norm, "variant");  // the model was sure, and says so in its own words
  }
  if (id != 0) {
    Row& row = rows_[id];
    if (row.type.empty()) row.type = entity.type;
    run(*tx_,
        "UPDATE entity SET type = CASE WHEN type = '' THEN left($2, 60) ELSE type END, description = CASE "
        "WHEN "
        "description = '' THEN left($3, 400) ELSE description END WHERE id = $1::bigint",
        id, entity.type, entity.description);
    return id;
  }
  const std::string name = bare_name(entity.name, entity.type);
  const pqxx::result made =
      run(*tx_,
          "INSERT INTO entity (name, type, description) VALUES (left($1, 200), left($2, 60), "
          "left($3, 400)) RETURNING id",
          name, entity.type, entity.description);
  id = made[0][0].as<std::int64_t>();
  rows_[id] = {name, entity.type, 0, {}};
  learn(id, normalized_name(name), "name");
  return id;
}

}  // namespace pg

using pg::run;

std::vector<KnownEntity> PostgresStore::entities(int limit) {
  return transaction("reading entities", [&](pqxx::work& tx) {
    std::vector<KnownEntity> all = pg::EntityBook(tx).live();
    if (all.size() > static_cast<std::size_t>(limit)) all.resize(static_cast<std::size_t>(limit));
    return all;
  });
}

bool PostgresStore::merge_entities(std::int64_t winner, std::int64_t loser) {
  return transaction("merging entities", [&](pqxx::work& tx) {
    tx.exec("LOCK TABLE entity IN SHARE ROW EXCLUSIVE MODE");
    const pg::EntityBook book(tx);
    const std::int64_t top = book.root(winner);
    const std::int64_t under = book.root(loser);
    if (!book.has(top) || !book.has(under) || top == under) return false;
    run(tx, "UPDATE entity SET merged_into = $1::bigint WHERE id = $2::bigint", top, under);
    pg::end_rivals(tx, pg::EntityBook(tx).group(top), under);
    return true;
  });
}

bool PostgresStore::undo_merge(std::int64_t loser) {
  return transaction("undoing a merge", [&](pqxx::work& tx) {
    const std::int64_t top = pg::EntityBook(tx).root(loser);
    if (run(tx, "UPDATE entity SET merged_into = NULL WHERE id = $1::bigint AND merged_into IS NOT NULL",
            loser)
            .affected_rows() == 0)
      return false;
    // Of facts that say the same the newest; one may have been told again while the merge held.
    run(tx,
        "UPDATE fact SET status = 'active', valid_to = NULL, superseded_by = NULL WHERE id IN (SELECT "
        "DISTINCT ON "
        "(f.spo_key) f.id FROM fact f WHERE f.ended_by_merge = $1::bigint AND f.status = 'superseded' AND "
        "NOT EXISTS "
        "(SELECT 1 FROM fact o WHERE o.spo_key = f.spo_key AND o.status = 'active') ORDER BY f.spo_key, "
        "f.valid_from "
        "DESC, f.id DESC)",
        loser);
    run(tx, "UPDATE fact SET ended_by_merge = NULL WHERE ended_by_merge = $1::bigint", loser);
    // What was told since stands where it was put.
    pg::end_rivals(tx, pg::EntityBook(tx).group(top), 0);
    return true;
  });
}

}  // namespace prot::memory
