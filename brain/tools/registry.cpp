#include "tools/registry.hpp"

#include <cstdlib>
#include <utility>

#include "base/log.hpp"
#include "stage/model_specs.hpp"
#include "tools/date_time.hpp"
#include "tools/hass_request.hpp"
#include "tools/home_assistant.hpp"
#include "tools/mcp_tools.hpp"

namespace prot::brain {
namespace {

// A description costs prompt tokens, and a small model calls tools at random: off for the local one.
bool offered(const stage::Config& config) {
  const std::string& wish = config.get_string("brain.tools");
  const bool local = stage::model_specs(config).front().kind == stage::ModelSpec::Kind::kLocal;
  return wish == "on" || (wish == "auto" && !local);
}

// Null: none is configured, or the token may not go there.
std::shared_ptr<Home> make_home(const stage::Config& config, const stage::Secrets& secrets,
                                const std::function<void()>& wake) {
  HomeOptions options;
  options.url = config.get_string("home_assistant.url");
  if (options.url.empty()) return nullptr;
  if (!home_is_safe(options.url, config.get_string("home_assistant.plain_http"))) {
    log_warn(
        "Home Assistant is not used: its token would go unencrypted to {}; see home_assistant.plain_http",
        stage::shown_text(options.url));
    return nullptr;
  }
  const std::string& token_name = config.get_string("home_assistant.token_env");
  options.token = secrets.find(token_name).value_or("");
  if (options.token.empty()) {
    log_warn("Home Assistant is not used: there is no token in {}", token_name);
    return nullptr;
  }
  options.ca_file = config.get_string("home_assistant.ca_file");
  options.agent_id = config.get_string("home_assistant.agent_id");
  options.language = config.language();
  options.connect_timeout = config.get_int("home_assistant.connect_timeout_ms") * kMillisecond;
  options.time_limit = config.get_int("home_assistant.time_limit_ms") * kMillisecond;
  options.agent_time_limit = config.get_int("home_assistant.agent_time_limit_ms") * kMillisecond;
  HomeConsent consent(config.get_list("home_assistant.confirm_domains"),
                      config.get_list("home_assistant.free_domains"));
  return std::make_shared<Home>(std::move(options), std::move(consent), wake);
}

}  // namespace

std::vector<std::unique_ptr<ToolBackend>> make_tools(const stage::Config& config,
                                                     const stage::Secrets& secrets,
                                                     const std::function<void()>& wake) {
  std::vector<std::unique_ptr<ToolBackend>> tools;
  if (!offered(config)) return tools;
  tools.push_back(std::make_unique<DateTimeTool>());
  if (const std::shared_ptr<Home> home = make_home(config, secrets, wake)) {
    tools.push_back(std::make_unique<HomeAssistantTool>(home));
    tools.push_back(std::make_unique<HassRequestTool>(home));
  }
  return tools;
}

std::unique_ptr<ToolSource> make_tool_source(const stage::Config& config, const stage::Secrets& secrets,
                                             const std::function<void()>& wake) {
  if (!offered(config)) return nullptr;
  std::vector<McpCommand> commands =
      read_mcp_servers(config.get_tables("mcp.servers"), [&](const std::string& name) -> std::string {
        if (const auto secret = secrets.find(name)) return *secret;
        const char* value = std::getenv(name.c_str());
        return value != nullptr ? value : "";
      });
  if (commands.empty()) return nullptr;
  McpTimes times;
  times.start_limit = config.get_int("mcp.start_timeout_ms") * kMillisecond;
  times.call_limit = config.get_int("mcp.time_limit_ms") * kMillisecond;
  return std::make_unique<McpTools>(std::make_shared<McpHub>(std::move(commands), times, PROT_VERSION, wake));
}

}  // namespace prot::brain
