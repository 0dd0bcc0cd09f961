#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/paths.hpp"
#include "configuration.hpp"
#include "ipc/doorbell.hpp"
#include "launcher.hpp"
#include "stage/config.hpp"

namespace prot::supervisor {

/// What one run of an instance has in common; every launcher reads it. Lives as long as the supervisor.
struct RunContext {
  InstancePaths paths;
  std::string run_id;
  ConfigRequest sources;
  stage::Config config;  // the accepted one: a new process gets it, whatever the file says by now
  LayeredEnvironment environment;
  EnvFile env_file;                               // what is in it of a .env
  std::optional<ReplacedConfiguration> replaced;  // while a reload is under way
  std::map<std::string, ipc::Doorbell> bells;     // by stage
  UniqueFd lifeline_read;                         // every stage gets it; the other end closes with us
  UniqueFd lifeline_write;
};

/// Which of the programs this configuration runs, in start order.
[[nodiscard]] std::vector<std::string> programs_of(const stage::Config& config);
/// What must be ready before `program` is started for the first time.
[[nodiscard]] std::vector<std::string> start_dependencies(std::string_view program);
/// The conversation does without it: no start waits for it, or fails with it.
[[nodiscard]] bool is_optional(std::string_view program);

[[nodiscard]] std::unique_ptr<Launcher> make_launcher(const std::string& program, const RunContext& run);
[[nodiscard]] std::unique_ptr<Launcher> make_stage_launcher(const std::string& stage, const RunContext& run);
[[nodiscard]] std::unique_ptr<Launcher> make_db_launcher(const RunContext& run);
[[nodiscard]] std::unique_ptr<Launcher> make_llm_launcher(const RunContext& run);

/// What the children db and llm are made of; `prot doctor` looks at it as well. Throw Error when a program is
/// not there.
/// The folder of postgres and initdb; of Debian's the newest, or those that made `cluster`. Throws Error.
[[nodiscard]] std::string find_postgres(const stage::Config& config,
                                        const std::filesystem::path& cluster = {});
[[nodiscard]] std::filesystem::path cluster_folder(const stage::Config& config, const InstancePaths& paths);
[[nodiscard]] std::string find_llama_server(const stage::Config& config, const InstancePaths& paths);
[[nodiscard]] std::string llm_model(const stage::Config& config, const InstancePaths& paths);

/// The path of a program of prot ("prot-stt"): PROT_STAGE_FOLDER (tests), beside this executable, the build
/// tree's folder of that part, libexec. Throws Error when there is none.
[[nodiscard]] std::string find_program(const std::string& name);
/// A name of the environment whose value is never shown: an API key, a token, the database's URL.
[[nodiscard]] bool is_secret(std::string_view name, const stage::Config& config);
/// Names of the environment that hold secrets, the key's own name included.
[[nodiscard]] std::vector<std::string> secret_names(const stage::Config& config);
/// The programs that get the secret `name` ("brain memory"); empty: it is none.
[[nodiscard]] std::string users_of_secret(std::string_view name, const stage::Config& config);
/// The environment that a program may see: names of the session. Its configuration and its secrets come as
/// sealed files: the environment is shown in /proc.
[[nodiscard]] std::vector<std::string> child_environment(const stage::Config& config);
/// The secrets of `program`, as core/stage/secrets.hpp reads them; empty: it has none.
[[nodiscard]] std::string child_secrets(const std::string& program, const stage::Config& config);

}  // namespace prot::supervisor
