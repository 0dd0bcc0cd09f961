#include "memory_stage.hpp"
#include "registry.hpp"
#include "stage/stage_runner.hpp"

int main(int argc, char** argv) {
  return prot::stage::run_stage(argc, argv, "memory", [](prot::stage::StageContext& context) {
    return std::make_unique<prot::memory::MemoryStage>(context, prot::memory::make_parts(context));
  });
}
