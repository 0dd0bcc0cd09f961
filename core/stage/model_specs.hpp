#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "stage/config.hpp"

namespace prot::stage {

/// One language model of the configuration: which server, how it is reached, and what differs from its kind's
/// usual ways.
struct ModelSpec {
  enum class Kind { kNull, kLocal, kOpenAi, kAnthropic };
  Kind kind = Kind::kLocal;
  std::string url;
  std::string model;
  std::string key_name;                                    // environment variable; empty: it needs none
  std::vector<std::pair<std::string, std::string>> flags;  // names and values are known ones

  /// The value of a flag; empty: it is not set.
  [[nodiscard]] std::string_view flag(std::string_view name) const noexcept;
};

/// All models in the order in which they are asked: brain.engine's, then those of brain.fallback. Never
/// empty.
[[nodiscard]] std::vector<ModelSpec> model_specs(const Config& config);
/// Is one of them the local llama-server?
[[nodiscard]] bool uses_local_model(const Config& config);

/// memory.recall_tokens, or what suits the first model: the local one reads each token of it slowly.
[[nodiscard]] long recall_tokens(const Config& config);

/// Appends what is wrong with the lists of models and flags, each line with its place.
void check_model_specs(const Config& config, std::vector<std::string>& errors);

/// The flags that an entry may have, for documents: "effort: none low medium high xhigh max".
[[nodiscard]] std::vector<std::string> model_flags(ModelSpec::Kind kind);

}  // namespace prot::stage
