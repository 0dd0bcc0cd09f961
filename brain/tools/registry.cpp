#include "tools/registry.hpp"

#include "stage/model_specs.hpp"
#include "tools/date_time.hpp"

namespace prot::brain {
namespace {

// A description costs prompt tokens, and a small model calls tools at random: off for the local one.
bool offered(const stage::Config& config) {
  const std::string& wish = config.get_string("brain.tools");
  const bool local = stage::model_specs(config).front().kind == stage::ModelSpec::Kind::kLocal;
  return wish == "on" || (wish == "auto" && !local);
}

}  // namespace

std::vector<std::unique_ptr<ToolBackend>> make_tools(const stage::Config& config) {
  std::vector<std::unique_ptr<ToolBackend>> tools;
  if (!offered(config)) return tools;
  tools.push_back(std::make_unique<DateTimeTool>());
  return tools;
}

}  // namespace prot::brain
