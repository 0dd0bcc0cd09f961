#include "vectors/embedder.hpp"

#include <cmath>

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

bool normalize(Vector& vector) noexcept {
  double square = 0.0;
  for (const float value : vector) square += static_cast<double>(value) * static_cast<double>(value);
  if (!std::isfinite(square) || square < 1e-24) return false;
  const double factor = 1.0 / std::sqrt(square);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) * factor);
  return true;
}

}  // namespace prot::memory
