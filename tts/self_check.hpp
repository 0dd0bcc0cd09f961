#pragma once

#include "stage/self_check.hpp"
#include "stage/service_table.hpp"
#include "voices/elevenlabs.hpp"
#include "voices/openai.hpp"
#include "voices/wyoming.hpp"

namespace prot::tts {

/// For --check.
[[nodiscard]] stage::Findings check_tts(const stage::CheckContext& context);
/// The environment variable that holds ElevenLabs' key.
inline constexpr std::string_view kElevenLabsKey = stage::service_row("tts", "elevenlabs").own_key_name;
/// What is configured of a service's voice, without its key. Throws Error when something is missing,
/// UsageError when its address is none, or would need what the configuration does not allow.
[[nodiscard]] ElevenLabsOptions elevenlabs_options(const stage::Config& config, const std::string& language);
[[nodiscard]] OpenAiVoiceOptions openai_voice_options(const stage::Config& config,
                                                      const std::string& language);
[[nodiscard]] WyomingOptions wyoming_options(const stage::Config& config, const std::string& language);
/// The Piper voice's file.
[[nodiscard]] std::string piper_model(const stage::Config& config, const std::string& cache);

}  // namespace prot::tts
