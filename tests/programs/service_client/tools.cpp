#include <cstdlib>

#include "base/error.hpp"
#include "brain/tools/home_assistant.hpp"
#include "brain/tools/mcp_tools.hpp"
#include "service_client.hpp"

namespace prot::test {
namespace {

using Tools = std::vector<std::unique_ptr<brain::ToolBackend>>;

/// {"tool":"NAME","arguments":{...}}: a use of that tool, within its time.
class ToolClient final : public ServiceClient {
 public:
  ToolClient(Tools tools, std::unique_ptr<brain::ToolSource> source)
      : tools_(std::move(tools)), source_(std::move(source)) {}

  void ask(json::View order) override {
    cancel();
    if (source_ && source_->changed()) tools_ = source_->tools();
    try {
      brain::ToolBackend& tool = named(order.get("tool").as_string());
      until_ = monotonic_now() + tool.time_limit();
      use_ = tool.start(order.get("arguments"), monotonic_now());
    } catch (const Error& error) {
      outcome_ = Outcome{"", "error", error.what()};
    }
  }
  void cancel() override {
    use_.reset();
    outcome_.reset();
  }
  std::optional<Outcome> poll() override {
    if (outcome_) return std::exchange(outcome_, std::nullopt);
    if (!use_) return std::nullopt;
    Outcome made;
    try {
      const std::optional<std::string> result = use_->poll(monotonic_now());
      if (result)
        made.text = *result;
      else if (monotonic_now() < until_)
        return std::nullopt;
      else
        made = {"", "time", "no answer in time"};
    } catch (const Error& error) {
      made = {"", "error", error.what()};
    }
    use_.reset();
    return made;
  }
  [[nodiscard]] Nanos next_deadline() const override {
    if (outcome_) return 0;
    return use_ ? until_ : kNever;
  }

 private:
  brain::ToolBackend& named(std::string_view name) {
    for (const auto& tool : tools_)
      if (tool->description().name == name) return *tool;
    throw Error("there is no tool of that name at the moment");
  }

  Tools tools_;
  std::unique_ptr<brain::ToolSource> source_;
  std::unique_ptr<brain::ToolUse> use_;  // goes before what it is a use of
  std::optional<Outcome> outcome_;
  Nanos until_ = 0;
};

std::unique_ptr<ServiceClient> make_home(const std::string& url, const Wake& wake) {
  brain::HomeOptions options;
  options.url = url;
  options.token = "loopback-secret";
  options.language = "en";
  options.time_limit = 5 * kSecond;
  auto home = std::make_shared<brain::Home>(std::move(options), brain::HomeConsent(), wake);
  Tools tools;
  tools.push_back(std::make_unique<brain::HomeAssistantTool>(std::move(home)));
  return std::make_unique<ToolClient>(std::move(tools), nullptr);
}

std::unique_ptr<ServiceClient> make_mcp(const Where& command, const Wake& wake) {
  brain::McpCommand server{"loopback", command, {}, {}, {}};
  for (const char* name : {"PATH", "HOME"})
    if (const char* value = std::getenv(name); value != nullptr)
      server.environment.push_back(std::string(name) + "=" + value);
  auto hub = std::make_shared<brain::McpHub>(std::vector{server}, brain::McpTimes{10 * kSecond, 5 * kSecond},
                                             PROT_VERSION, wake);
  return std::make_unique<ToolClient>(Tools(), std::make_unique<brain::McpTools>(std::move(hub)));
}

}  // namespace

std::unique_ptr<ServiceClient> make_tool_client(std::string_view kind, const Where& where, const Wake& wake) {
  if (kind == "home") return make_home(where.front(), wake);
  if (kind == "mcp") return make_mcp(where, wake);
  throw UsageError("there is no tool '" + std::string(kind) + "'");
}

}  // namespace prot::test
