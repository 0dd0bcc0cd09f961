#pragma once

#include <memory>
#include <string>

#include "memory_store.hpp"

namespace prot::memory {

/// A store in PostgreSQL 13 or newer. `owner` names this instance on its leases.
[[nodiscard]] std::unique_ptr<MemoryStore> make_postgres_store(std::string conninfo, std::string owner);

/// Connects, changes nothing, hangs up: "PostgreSQL 15.3, database prot, user prot". Throws Error, whose
/// message may repeat the conninfo.
[[nodiscard]] std::string probe_postgres(const std::string& conninfo);

}  // namespace prot::memory
