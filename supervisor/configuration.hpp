#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "env_file.hpp"
#include "stage/config.hpp"

namespace prot::supervisor {

/// Where a configuration comes from, as the command line says it. Paths are absolute: a supervisor in the
/// background leaves its folder, and reads them again.
struct ConfigRequest {
  std::string file = {};
  bool file_required = false;
  std::string env_file = {};
  bool env_file_required = false;
  std::vector<std::string> overrides = {};
  std::string folder = {};  // that relative paths of `overrides` and of the environment are relative to
};

/// A configuration that was read and found good.
struct Configuration {
  stage::Config config;
  EnvFile env_file;
  std::vector<std::string> warnings;  // retired names, a .env with secrets that others can read
  std::string choice_note;            // which services hear what is said because their keys are there
  std::vector<std::string> unused;    // names that are set and that nothing uses yet
};

/// This process' environment, and what a .env file put into it. The real environment wins.
/// One of a process, on its main thread: it changes `environ`. Lives as long as it is asked.
class LayeredEnvironment {
 public:
  /// The value that `name` has, or would have with `file`; nothing: it is in neither.
  [[nodiscard]] std::optional<stage::PlacedValue> find(std::string_view name, const EnvFile& file) const;
  /// Names of the real environment.
  [[nodiscard]] std::vector<std::string> real_names() const;
  /// Puts the names of `file` that prot knows into the environment, in place of those of an earlier file.
  void apply(const EnvFile& file, const stage::Config& config);

 private:
  std::set<std::string, std::less<>> applied_;
};

/// A program that a reload restarts, with its counters before.
struct RestartedProgram {
  std::string name;
  std::uint32_t generation = 0;
  std::uint32_t failed_starts = 0;
};

/// What a reload has replaced, until every program that it restarted is ready: the way back.
struct ReplacedConfiguration {
  ConfigRequest sources;
  stage::Config config;
  EnvFile env_file;
  std::vector<RestartedProgram> restarted;
  Nanos until = kNever;  // what is not ready by then cannot run with the new values
};

/// Of the files that keys name: those that are not there or cannot be used, each with its key's place.
[[nodiscard]] std::vector<std::string> missing_files(const stage::Config& config);

/// Reads and checks everything. Throws ConfigError with every mistake, each with its place.
[[nodiscard]] Configuration load_configuration(const ConfigRequest& request,
                                               const LayeredEnvironment& environment);

}  // namespace prot::supervisor
