#include "vectors/embedder.hpp"

#include <cmath>

namespace prot::memory {

bool normalize(Vector& vector) noexcept {
  double square = 0.0;
  for (const float value : vector) square += static_cast<double>(value) * static_cast<double>(value);
  if (!std::isfinite(square) || square < 1e-24) return false;
  const double factor = 1.0 / std::sqrt(square);
  for (float& value : vector) value = static_cast<float>(static_cast<double>(value) * factor);
  return true;
}

}  // namespace prot::memory
