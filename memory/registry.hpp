#pragma once

#include "memory_stage.hpp"

namespace prot::memory {

/// Store and model as the configuration says. Throws UsageError for a name that does not exist.
[[nodiscard]] MemoryStage::Parts make_parts(const stage::StageContext& context);

/// libpq's connection string: memory.database_url, or the private cluster's socket in the runtime folder.
/// Throws Error with exit code 78 when memory.database_url would go unencrypted (guarded_conninfo).
[[nodiscard]] std::string database_conninfo(const stage::Config& config, const InstancePaths& paths);

}  // namespace prot::memory
