#pragma once

#include <string>
#include <string_view>

namespace prot::stt {

/// What was said, by the answer of a service that speaks OpenAI's /v1/audio/transcriptions. Throws Error: it
/// is none; why, in names alone.
[[nodiscard]] std::string transcription_of(std::string_view body);

}  // namespace prot::stt
