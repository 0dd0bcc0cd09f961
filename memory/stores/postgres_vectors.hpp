#pragma once

#include <memory>
#include <string>

#include "vectors/vector_store.hpp"

namespace prot::memory {

class ConnectionPool;

/// Up to so many numbers in the tables of pgvector all are compared, which misses nothing: some 30 ms of a
/// database that has a processor to itself. More get an index.
inline constexpr std::size_t kNearExact = 5'000 * 1024;

/// Vectors in PostgreSQL. A long past that is loaded holds up no message: those have another connection of
/// the pool. The schema is PostgresStore's to make. `near_exact`: another than that for tests.
[[nodiscard]] std::unique_ptr<VectorStore> make_postgres_vectors(std::shared_ptr<ConnectionPool> pool,
                                                                 std::size_t near_exact = kNearExact);
/// Likewise, with a pool of its own.
[[nodiscard]] std::unique_ptr<VectorStore> make_postgres_vectors(std::string conninfo);

}  // namespace prot::memory
