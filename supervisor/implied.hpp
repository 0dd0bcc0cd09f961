#pragma once

#include <string>
#include <vector>

#include "base/paths.hpp"
#include "configuration.hpp"
#include "stage/implied_choices.hpp"

namespace prot::supervisor {

/// What keys in the environment chose in `config`, those of them that are in force.
[[nodiscard]] std::vector<stage::ImpliedChoice> choices_in_force(const stage::Config& config,
                                                                 const LayeredEnvironment& environment,
                                                                 const EnvFile& file);

/// Where a service is asked and nobody said what goes on when it fails: "KEY=VALUE" that put the engine of
/// this machine at the end of the list, as far as it is installed. A network that is lost is then no silence.
[[nodiscard]] std::vector<std::string> local_engines_last(const stage::Config& config,
                                                          const InstancePaths& paths);

/// One line for `prot up`: what was chosen, why, and how to turn it off; empty: nothing was.
[[nodiscard]] std::string note_of_choices(const stage::Config& config,
                                          const std::vector<stage::ImpliedChoice>& choices);

}  // namespace prot::supervisor
