#pragma once

#include <string>
#include <vector>

#include "stage/config.hpp"

namespace prot::stage {

/// One recogniser of the configuration.
struct RecognizerSpec {
  std::string engine;    // its name in stt/engines
  std::string url;       // of a service
  std::string model;     // its name there
  std::string key_name;  // environment variable; empty: it needs none
};

/// All recognisers in the order in which they are asked: stt.engine's, then those of stt.fallback. Never
/// empty.
[[nodiscard]] std::vector<RecognizerSpec> recognizer_specs(const Config& config);

/// Appends what is wrong with stt.fallback, each line with its place.
void check_recognizer_specs(const Config& config, std::vector<std::string>& errors);

}  // namespace prot::stage
