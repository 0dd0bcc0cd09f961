#include "brain_stage.hpp"
#include "registry.hpp"
#include "self_check.hpp"
#include "stage/stage_runner.hpp"
#include "tools/registry.hpp"

int main(int argc, char** argv) {
  const auto make = [](prot::stage::StageContext& context) {
    const std::string socket = (context.environment().paths.runtime / "llm.sock").string();
    return std::make_unique<prot::brain::BrainStage>(
        context,
        prot::brain::make_language_model(context.config(), context.environment().secrets, socket,
                                         [&context] { context.bell().ring(); }),
        prot::brain::make_tools(context.config()));
  };
  return prot::stage::run_stage(argc, argv, "brain", make, {prot::brain::check_brain});
}
