#pragma once

#include <functional>
#include <memory>

#include "stage/context.hpp"
#include "stage/self_check.hpp"
#include "stage/stage.hpp"

namespace prot::stage {

using StageFactory = std::function<std::unique_ptr<Stage>(StageContext&)>;

/// A stage program's main: options (--join INSTANCE, --check, --devices, --help, --version), log, lifeline,
/// signals, attach, start, READY, duty cycles with heartbeat, stop. Returns the exit code: 0 done or asked to
/// end, 1 failure, 2 usage, 3 not running, 78 configuration.
int run_stage(int argc, char** argv, const char* stage, const StageFactory& factory,
              const SelfCheck& self_check = {});

}  // namespace prot::stage
