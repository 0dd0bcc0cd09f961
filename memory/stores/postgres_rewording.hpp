#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "stores/postgres_store.hpp"

/// What stays when something is forgotten, but has words of it. The transaction is the caller's.
namespace prot::memory::pg {

/// Statements of these facts that tell what only `gone` told say it in plain words instead. Summaries of
/// their groups go. Returns the statements as they were.
std::vector<std::string> reword_facts(pqxx::work& tx, std::span<const std::int64_t> facts,
                                      const std::string& gone);

/// Of these entities the aliases that `gone` mentions, and nothing that is left; never their names.
void end_aliases(pqxx::work& tx, const std::string& entities, const std::string& gone);

/// All names that entities go by.
[[nodiscard]] std::vector<std::string> all_aliases(pqxx::work& tx);
/// Those of these that nobody goes by any more are noted, as hashes: no import brings them back.
void bury_names(pqxx::work& tx, const std::vector<std::string>& before, Nanos now);

}  // namespace prot::memory::pg
