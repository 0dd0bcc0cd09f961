#pragma once

#include "voice.hpp"

/// The makers of the built-in voices, for the registry alone.
namespace prot::tts {

[[nodiscard]] std::unique_ptr<Voice> make_espeak(const VoiceOptions& options);
[[nodiscard]] std::unique_ptr<Voice> make_null(const VoiceOptions& options);
[[nodiscard]] std::unique_ptr<Voice> make_piper(const VoiceOptions& options);
[[nodiscard]] std::unique_ptr<Voice> make_tone(const VoiceOptions& options);

}  // namespace prot::tts
