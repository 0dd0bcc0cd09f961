#pragma once

#include <memory>

#include "tools/entity_catalog.hpp"
#include "tools/home_call.hpp"
#include "tools/home_link.hpp"
#include "tools/tool.hpp"

namespace prot::brain {

/// One home, as both tools see it. Its members are made and destroyed in this order.
struct Home {
  Home(HomeOptions options, HomeConsent asked, const std::function<void()>& wake)
      : link(std::move(options), wake), catalog(link, wake), consent(std::move(asked)) {}
  HomeLink link;
  EntityCatalog catalog;
  HomeConsent consent;
};

/// home_assistant {action, entity_id, service_data?}: reads a state, or calls a service. The ids must be in
/// the home's list; what a person has to agree to is not done before. One thread.
class HomeAssistantTool final : public ToolBackend {
 public:
  explicit HomeAssistantTool(std::shared_ptr<Home> home);
  [[nodiscard]] const Tool& description() const override { return description_; }
  [[nodiscard]] std::string words() const override;
  [[nodiscard]] Nanos time_limit() const override;
  [[nodiscard]] std::unique_ptr<ToolUse> start(json::View arguments, Nanos now) override;
  [[nodiscard]] std::unique_ptr<ToolUse> start_agreed(json::View arguments, Nanos now) override;

 private:
  std::shared_ptr<Home> home_;
  Tool description_;
};

/// The answers, short and fit to be spoken. Throw Error.
[[nodiscard]] std::string told_state(std::string_view state_json);
[[nodiscard]] std::string told_service(const HomeAnswer& answer, const Entities& entities);

}  // namespace prot::brain
