#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/paths.hpp"
#include "base/unique_fd.hpp"
#include "ipc/doorbell.hpp"
#include "stage/config.hpp"
#include "stage/secrets.hpp"

namespace prot::stage {

/// What a stage is given at birth, by the supervisor (environment variables PROT_*) or over the control
/// socket when a developer runs it by hand with --join.
struct StageEnvironment {
  std::string stage;
  InstancePaths paths;
  std::string run_id;
  std::uint32_t generation = 1;
  UniqueFd ready;                              // "READY=1\n"; invalid when joined
  UniqueFd lifeline;                           // end of file: the supervisor is dead
  std::map<std::string, ipc::Doorbell> bells;  // by stage, its own included
  Config config;
  Secrets secrets;
};

/// Reads PROT_INSTANCE, PROT_RUN, PROT_GENERATION, PROT_READY_FD, PROT_LIFELINE_FD, PROT_BELLS
/// ("stt=5,brain=6"), PROT_CONFIG_FD (a snapshot of the configuration), PROT_SECRETS_FD (secrets.hpp);
/// without a supervisor PROT_CONFIG (a file) and PROT_SET (lines "key=value"). Throws UsageError when they
/// are missing.
[[nodiscard]] StageEnvironment environment_from_process(const std::string& stage);

/// The configuration alone: PROT_CONFIG_FD, or PROT_CONFIG and PROT_SET as above, without them the user's
/// file.
[[nodiscard]] Config config_from_process(const InstancePaths& paths);

/// Joins a running instance: the supervisor stops its own `stage`, hands over descriptors and waits until
/// this process ends. Throws Error (3: not running).
[[nodiscard]] StageEnvironment join_instance(const std::string& stage, const std::string& instance);

}  // namespace prot::stage
