#pragma once

#include <memory>
#include <string>

#include "vectors/vector_store.hpp"

namespace prot::memory {

class ConnectionPool;

/// Vectors in PostgreSQL. A long past that is loaded holds up no message: those have another connection of
/// the pool. The schema is PostgresStore's to make.
[[nodiscard]] std::unique_ptr<VectorStore> make_postgres_vectors(std::shared_ptr<ConnectionPool> pool);
/// Likewise, with a pool of its own.
[[nodiscard]] std::unique_ptr<VectorStore> make_postgres_vectors(std::string conninfo);

}  // namespace prot::memory
