#include "service_error.hpp"

namespace prot::memory {

const char* to_string(ServiceError::Kind kind) noexcept {
  switch (kind) {
    case ServiceError::Kind::kCancelled:
      return "cancelled";
    case ServiceError::Kind::kUnavailable:
      return "unavailable";
    case ServiceError::Kind::kKey:
      return "key";
    case ServiceError::Kind::kQuota:
      return "quota";
    case ServiceError::Kind::kTooLarge:
      return "too large";
    case ServiceError::Kind::kFailed:
      return "failed";
  }
  return "failed";
}

}  // namespace prot::memory
