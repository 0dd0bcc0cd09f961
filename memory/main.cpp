#include <malloc.h>

#include "embedders/probe.hpp"
#include "memory_stage.hpp"
#include "registry.hpp"
#include "self_check.hpp"
#include "services/probe.hpp"
#include "stage/stage_runner.hpp"

int main(int argc, char** argv) {
  // With an arena for each of seven threads, every burst of questions leaves holes in each.
  mallopt(M_ARENA_MAX, 1);
  const auto make = [](prot::stage::StageContext& context) {
    return std::make_unique<prot::memory::MemoryStage>(context, prot::memory::make_parts(context));
  };
  return prot::stage::run_stage(
      argc, argv, "memory", make,
      {prot::memory::check_memory,
       {},
       prot::services::service_probe("memory", {{"postgres", prot::memory::probe_database},
                                                {"embeddings", prot::memory::probe_embeddings},
                                                {"rerank", prot::memory::probe_rerank}})});
}
