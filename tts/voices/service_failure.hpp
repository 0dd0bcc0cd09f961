#pragma once

#include "http/http.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

/// What a failed request means to the caller of a voice.
[[nodiscard]] constexpr VoiceError failure_of(http::ErrorClass error) noexcept {
  switch (error) {
    case http::ErrorClass::kRetry:
    case http::ErrorClass::kOverloaded:
      return VoiceError::kRetry;
    case http::ErrorClass::kAuth:
      return VoiceError::kAuth;
    case http::ErrorClass::kQuota:
      return VoiceError::kQuota;
    case http::ErrorClass::kFatal:
      return VoiceError::kFatal;
  }
  return VoiceError::kFatal;
}

}  // namespace prot::tts
