#pragma once

#include "http/http.hpp"
#include "speech_recognizer.hpp"

namespace prot::stt {

/// What a failed request means to the caller of an engine.
[[nodiscard]] constexpr FailureClass failure_of(http::ErrorClass error) noexcept {
  switch (error) {
    case http::ErrorClass::kRetry:
    case http::ErrorClass::kOverloaded:
      return FailureClass::kRetry;
    case http::ErrorClass::kAuth:
      return FailureClass::kAuth;
    case http::ErrorClass::kQuota:
      return FailureClass::kQuota;
    case http::ErrorClass::kFatal:
      return FailureClass::kFatal;
  }
  return FailureClass::kFatal;
}

}  // namespace prot::stt
