#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "configuration.hpp"
#include "instance.hpp"

namespace prot::supervisor {

/// One key, or one secret of the environment, that another configuration changes. Secrets show no value.
struct ConfigChange {
  std::string name;
  std::string from;
  std::string to;
  bool secret = false;

  /// "stt.threads: 2 -> 3".
  [[nodiscard]] std::string text() const;
};

/// What it takes to go from one configuration to another.
struct ReloadPlan {
  std::vector<ConfigChange> changes;
  std::vector<std::string> restarts;  // programs
  std::vector<std::string> refused;   // why it cannot be done while prot runs, each with its place
};

/// A secret of the environment with its value before and after.
struct SecretChange {
  std::string name;
  std::string programs;
};

/// REQUIRES: both are valid. Touches nothing.
[[nodiscard]] ReloadPlan plan_reload(const stage::Config& from, const stage::Config& to,
                                     const std::vector<SecretChange>& secrets);

/// What a reload has done.
struct ReloadOutcome {
  ReloadPlan plan;
  std::vector<std::string> warnings;
  std::vector<RestartedProgram> restarted;
  std::vector<std::string> left;  // that keep the old values, and why

  /// For people, one line each.
  [[nodiscard]] std::vector<std::string> report() const;
};

/// Why there can be no reload now: everything still starts, or an earlier one is not finished; "": there can.
[[nodiscard]] std::string reload_obstacle(const Instance& instance);

/// Reads the instance's configuration again and restarts what the changes touch; `env_file`, unless it is
/// empty, takes the place of the .env file from now on. Throws ConfigError, and Error
/// when there is an obstacle; then nothing has changed.
[[nodiscard]] ReloadOutcome reload(Instance& instance, const std::string& env_file);

/// Once a turn of the loop: when a program that a reload restarted cannot run with what it was given (it
/// refuses it, dies three times before it is ready, or is not ready in time), everything goes back to the
/// configuration before. Returns the line that says so, or "".
[[nodiscard]] std::string settle_reload(Instance& instance);

}  // namespace prot::supervisor
