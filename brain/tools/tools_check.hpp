#pragma once

#include "services/answer.hpp"
#include "stage/self_check.hpp"

namespace prot::brain {

/// Rows of `prot doctor`: Home Assistant and the programs of MCP servers, where they are configured.
void check_tools(const stage::Config& config, stage::Findings& findings);

/// For `prot doctor --services`, as services::Prober says: a home has its own rule for what goes unencrypted.
[[nodiscard]] services::Answer probe_home(const stage::CheckContext& context,
                                          const services::Service& service, const std::string& key);

}  // namespace prot::brain
