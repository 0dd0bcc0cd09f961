#include "brain_stage.hpp"
#include "registry.hpp"
#include "self_check.hpp"
#include "services/probe.hpp"
#include "stage/stage_runner.hpp"
#include "tools/registry.hpp"
#include "tools/tools_check.hpp"

int main(int argc, char** argv) {
  const auto make = [](prot::stage::StageContext& context) {
    const std::string socket = (context.environment().paths.runtime / "llm.sock").string();
    const prot::stage::Secrets& secrets = context.environment().secrets;
    const auto wake = [&context] { context.bell().ring(); };
    return std::make_unique<prot::brain::BrainStage>(
        context, prot::brain::make_language_model(context.config(), secrets, socket, wake),
        prot::brain::make_tools(context.config(), secrets, wake),
        prot::brain::make_tool_source(context.config(), secrets, wake));
  };
  return prot::stage::run_stage(
      argc, argv, "brain", make,
      {prot::brain::check_brain,
       {},
       prot::services::service_probe("brain", {{"home-assistant", prot::brain::probe_home}})});
}
