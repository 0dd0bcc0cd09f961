#pragma once

#include <memory>
#include <string>

#include "tools/home_assistant.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// hass_request {command}: Home Assistant's conversation agent, in plain words. What names a lock, an alarm
/// or the like is not sent before a person agrees. One thread.
class HassRequestTool final : public ToolBackend {
 public:
  explicit HassRequestTool(std::shared_ptr<Home> home);
  [[nodiscard]] const Tool& description() const override { return description_; }
  [[nodiscard]] Nanos time_limit() const override;
  [[nodiscard]] std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) override;
  [[nodiscard]] std::unique_ptr<ToolUse> start_agreed(json::View arguments, Nanos now) override;

 private:
  std::shared_ptr<Home> home_;
  std::shared_ptr<std::string> conversation_;  // that the agent wants to go on with; empty: none
  Tool description_;
};

/// What the agent said. Throws Error: it did not do it, though the status was 200.
[[nodiscard]] std::string told_agent(std::string_view answer_json);

}  // namespace prot::brain
