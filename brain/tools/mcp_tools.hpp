#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/hub.hpp"
#include "tools/tool_source.hpp"

namespace prot::brain {

/// The servers of mcp.servers (JSON: a list of objects), and the values of the names that they ask for: by
/// `find`, the session's own from the environment. Throws UsageError.
[[nodiscard]] std::vector<McpCommand> read_mcp_servers(
    std::string_view servers_json, const std::function<std::string(const std::string& name)>& find);

/// The tools of all MCP servers, named SERVER__TOOL. One thread.
class McpTools final : public ToolSource {
 public:
  static constexpr std::size_t kMostTools = 64;  // of all servers: each costs prompt
  static constexpr std::size_t kMostSchemas = 64U << 10U;

  explicit McpTools(std::shared_ptr<McpHub> hub) : hub_(std::move(hub)) {}
  [[nodiscard]] bool changed() const override { return hub_->version() != seen_; }
  [[nodiscard]] std::vector<std::unique_ptr<ToolBackend>> tools() override;
  [[nodiscard]] std::string words() const override;

 private:
  std::shared_ptr<McpHub> hub_;
  std::uint64_t seen_ = 0;
};

/// A name that every model server takes: letters, digits, _ and -, at most 64.
[[nodiscard]] std::string mcp_tool_name(std::string_view server, std::string_view tool);

}  // namespace prot::brain
