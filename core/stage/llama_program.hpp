#pragma once

#include <string>

#include "base/paths.hpp"
#include "stage/config.hpp"

namespace prot::stage {

/// The llama-server of this machine: llm.program, else the one that ./run builds, else that of PATH. Throws
/// Error (2), "llm.program = ... cannot be executed" or "llama-server is not there".
[[nodiscard]] std::string llama_program(const Config& config, const InstancePaths& paths);

}  // namespace prot::stage
