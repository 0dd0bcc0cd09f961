#pragma once

#include <string>

#include "wyoming/link.hpp"

namespace prot::stt {

/// Where audio is posted to: `url` with or without /v1, or the whole address (.../audio/transcriptions, or
/// whisper.cpp's .../inference). Throws UsageError when there is none, or speech would leave this machine
/// unencrypted and `plain_http` does not allow it.
[[nodiscard]] std::string transcription_endpoint(const std::string& url, bool plain_http);

/// What of ElevenLabs answers whether it is there and knows the key, at no cost. Throws UsageError as above.
[[nodiscard]] std::string models_endpoint(const std::string& url, bool plain_http);

/// Where a Wyoming server listens: tcp://HOST:PORT. Throws UsageError as above.
[[nodiscard]] wyoming::Address wyoming_address(const std::string& url, bool plain_http);

}  // namespace prot::stt
