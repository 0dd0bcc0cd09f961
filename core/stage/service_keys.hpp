#pragma once

#include <string>

#include "stage/config.hpp"

namespace prot::stage {

/// The environment variable that holds the recogniser's key: what stt.api_key_env says, else the engine's own
/// name for it; empty: the engine needs none.
[[nodiscard]] std::string recognizer_key_name(const Config& config);
/// Likewise the address of its service, and the model: what is configured, else the engine's own.
[[nodiscard]] std::string recognizer_url(const Config& config);
[[nodiscard]] std::string recognizer_model_name(const Config& config);

}  // namespace prot::stage
