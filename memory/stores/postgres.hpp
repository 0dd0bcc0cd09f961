#pragma once

#include <memory>
#include <string>

#include "memory_store.hpp"

namespace prot::memory {

class ConnectionPool;

/// At most `most` connections at once; `least` of them stay open while nobody needs them. `patience`: a
/// server that has not answered for so long hangs.
[[nodiscard]] std::shared_ptr<ConnectionPool> make_connection_pool(std::string conninfo, int least, int most,
                                                                   Nanos patience = 12 * kSecond);

/// A store in PostgreSQL 13 or newer. `owner` names this instance on its leases.
[[nodiscard]] std::unique_ptr<MemoryStore> make_postgres_store(std::shared_ptr<ConnectionPool> pool,
                                                               std::string owner);
/// Likewise, with a pool of its own.
[[nodiscard]] std::unique_ptr<MemoryStore> make_postgres_store(std::string conninfo, std::string owner);

/// Connects, changes nothing, hangs up: "PostgreSQL 15.3, database prot, user prot". Throws Error, whose
/// message may repeat the conninfo.
[[nodiscard]] std::string probe_postgres(const std::string& conninfo);

}  // namespace prot::memory
