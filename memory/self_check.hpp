#pragma once

#include "services/answer.hpp"
#include "stage/self_check.hpp"

namespace prot::memory {

/// For --check.
[[nodiscard]] stage::Findings check_memory(const stage::CheckContext& context);

/// For `prot doctor --services`, as services::Prober says: the database that memory.database_url names.
[[nodiscard]] services::Answer probe_database(const stage::CheckContext& context,
                                              const services::Service& service, const std::string& key);

}  // namespace prot::memory
