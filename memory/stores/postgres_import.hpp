#pragma once

#include "desk/keeper.hpp"
#include "stores/postgres_facts.hpp"

/// Lines of an export on their way in. The transaction is the caller's.
namespace prot::memory::pg {

struct TakenIn {
  std::int64_t id = 0;  // 0: refused, since it was forgotten
  bool added = false;   // it was not there
};
TakenIn import_message(pqxx::work& tx, const Message& message);
/// Names that nothing speaks of any more are no reason to keep their conversations.
void drop_empty_conversations(pqxx::work& tx);

/// True: it was not there.
bool import_fact(pqxx::work& tx, const Keeper::ImportedFact& imported, Nanos now);
void import_entity(pqxx::work& tx, const Keeper::ImportedEntity& imported);
void import_succession(pqxx::work& tx, const Keeper::ImportedSuccession& imported);
void import_merge(pqxx::work& tx, const Keeper::ImportedMerge& imported);
/// Then words that go by no number are not taken in: they may be of it.
[[nodiscard]] bool anything_forgotten(pqxx::work& tx);
/// Facts whose objects have become known.
void link_objects(pqxx::work& tx);
/// postgres_communities.cpp: Only where all that it tells of is there, and nothing was ever forgotten.
void import_community(pqxx::work& tx, const Keeper::ImportedCommunity& imported);

}  // namespace prot::memory::pg
