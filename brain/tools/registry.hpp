#pragma once

#include <memory>
#include <vector>

#include "stage/config.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// The tools that the configuration offers to the model (brain.tools), always in the same order.
[[nodiscard]] std::vector<std::unique_ptr<ToolBackend>> make_tools(const stage::Config& config);

}  // namespace prot::brain
