#pragma once

#include "stage/self_check.hpp"

namespace prot::brain {

/// Rows of `prot doctor`: Home Assistant and the programs of MCP servers, where they are configured.
void check_tools(const stage::Config& config, stage::Findings& findings);

}  // namespace prot::brain
