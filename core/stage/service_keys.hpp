#pragma once

#include <string>

#include "stage/config.hpp"
#include "stage/recognizer_specs.hpp"

namespace prot::stage {

/// The environment variable that holds the recogniser's key: what stt.api_key_env says, else the engine's own
/// name for it; empty: the engine needs none.
[[nodiscard]] std::string recognizer_key_name(const Config& config);
/// Likewise the address of its service, and the model: what is configured, else the engine's own.
[[nodiscard]] std::string recognizer_url(const Config& config);
[[nodiscard]] std::string recognizer_model_name(const Config& config);

/// What an engine is told when nothing is configured.
[[nodiscard]] RecognizerSpec usual_recognizer(const std::string& engine);

/// The environment variable that holds the key of OpenAI's kind of voice; empty: no voice is one.
[[nodiscard]] std::string voice_key_name(const Config& config);

}  // namespace prot::stage
