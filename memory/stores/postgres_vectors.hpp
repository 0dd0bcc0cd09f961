#pragma once

#include <memory>
#include <string>

#include "vectors/vector_store.hpp"

namespace prot::memory {

/// Vectors in PostgreSQL, over a connection of their own: a long past that is loaded must hold up no message.
/// The schema is the other connection's to make.
[[nodiscard]] std::unique_ptr<VectorStore> make_postgres_vectors(std::string conninfo);

}  // namespace prot::memory
