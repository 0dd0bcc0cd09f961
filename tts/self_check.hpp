#pragma once

#include "stage/self_check.hpp"
#include "voices/elevenlabs.hpp"

namespace prot::tts {

/// For --check.
[[nodiscard]] stage::Findings check_tts(const stage::CheckContext& context);
/// The environment variable that holds ElevenLabs' key.
inline constexpr const char* kElevenLabsKey = "ELEVENLABS_API_KEY";
/// What is configured of ElevenLabs' voice, without its key. Throws Error when it has no id.
[[nodiscard]] ElevenLabsOptions elevenlabs_options(const stage::Config& config, const std::string& language);
/// The Piper voice's file.
[[nodiscard]] std::string piper_model(const stage::Config& config, const std::string& cache);

}  // namespace prot::tts
