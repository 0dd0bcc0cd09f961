#pragma once

#include <span>

namespace prot::memory {

/// One step forward of the database schema (schema/NNNN_name.sql, compiled in). Never edited once released.
struct Migration {
  int version;
  const char* name;
  const char* sql;
};
/// In rising order of version.
[[nodiscard]] std::span<const Migration> migrations() noexcept;

}  // namespace prot::memory
