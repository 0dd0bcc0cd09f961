#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "stage/config.hpp"
#include "stage/secrets.hpp"
#include "tools/tool.hpp"
#include "tools/tool_source.hpp"

namespace prot::brain {

/// The tools that the configuration offers to the model (brain.tools), always in the same order. `wake` is
/// called on the tools' threads and must not block.
[[nodiscard]] std::vector<std::unique_ptr<ToolBackend>> make_tools(const stage::Config& config,
                                                                   const stage::Secrets& secrets,
                                                                   const std::function<void()>& wake);

/// The MCP servers of the configuration; null: none. Throws UsageError.
[[nodiscard]] std::unique_ptr<ToolSource> make_tool_source(const stage::Config& config,
                                                           const stage::Secrets& secrets,
                                                           const std::function<void()>& wake);

}  // namespace prot::brain
