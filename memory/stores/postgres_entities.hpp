#pragma once

#include <map>
#include <string>
#include <vector>

#include "knowledge/entities.hpp"
#include "stores/postgres_store.hpp"

namespace prot::memory::pg {

/// The entities as one transaction sees them. Read whole: resolving names needs all of them, and a person's
/// life has some thousands. Lifetime: the transaction's.
class EntityBook {
 public:
  explicit EntityBook(pqxx::work& tx);

  /// The entity that is meant, made when none is known; 0 for no name. `said`: where the name comes from.
  std::int64_t id_of(const Entity& entity, std::string_view said);
  /// 0: none is known.
  [[nodiscard]] std::int64_t find(std::string_view name, std::string_view type, std::string_view said) const {
    return resolver_.resolve(name, type, said);
  }
  [[nodiscard]] std::vector<KnownEntity> candidates(std::string_view text, std::size_t most) const;
  /// As it is compared: the name of the entity that this one was merged into.
  [[nodiscard]] std::string name_of(std::int64_t id) const;
  /// As it is written.
  [[nodiscard]] std::string spelled(std::int64_t id) const { return rows_.at(root(id)).name; }
  /// The one that it was merged into in the end; itself.
  [[nodiscard]] std::int64_t root(std::int64_t id) const;
  /// All that are one with it, as an array literal.
  [[nodiscard]] std::string group(std::int64_t id) const;
  /// Those that were merged into none, with all their aliases.
  [[nodiscard]] std::vector<KnownEntity> live() const;
  [[nodiscard]] bool has(std::int64_t id) const { return rows_.contains(id); }

  /// One that was merged into none, with all its aliases.
  [[nodiscard]] KnownEntity known(std::int64_t top) const;

 private:
  struct Row {
    std::string name;
    std::string type;
    std::int64_t merged_into = 0;
    std::vector<std::string> aliases;
  };
  void learn(std::int64_t id, const std::string& alias, const char* kind);

  pqxx::work* tx_;
  std::map<std::int64_t, Row> rows_;
  EntityResolver resolver_;
};

/// Writes what a job yields. The transaction is the caller's.
void apply_extraction(pqxx::work& tx, const Job& job, const Extraction& extraction);
/// A row of kFactColumns.
[[nodiscard]] Fact read_fact(const pqxx::row& row);
inline const std::string kFactColumns =
    std::string("f.id, f.subject, f.predicate, f.object, f.statement, ") +
    "(extract(epoch FROM f.valid_from) * 1000000)::bigint, " +
    "coalesce((extract(epoch FROM f.valid_to) * 1000000)::bigint, 0), f.origin, f.status, f.suspicion, " +
    "m.conversation_id::text, m.seq, f.read_count, coalesce((extract(epoch FROM f.read_at) * "
    "1000000)::bigint, 0)";
/// Its newest source beside each fact, where it has one.
inline const std::string kFactSource =
    std::string(" LEFT JOIN LATERAL (SELECT conversation_id, seq FROM message JOIN fact_source s ON ") +
    "s.message_id = message.id WHERE s.fact_id = f.id ORDER BY message.at DESC LIMIT 1) m ON true ";

}  // namespace prot::memory::pg
