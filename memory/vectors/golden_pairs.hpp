#pragma once

#include <string>

#include "vectors/embedder.hpp"

namespace prot::memory {

/// Whether vectors tell what is alike from what is not: a wrong pooling, or a file that is no embedder, gives
/// such that look sound and say nothing.
struct GoldenResult {
  int right = 0;  // pairs of which the one like it is nearer than all the others
  int pairs = 0;
};
/// In English, or in Korean, of which many models know nothing. Throws ServiceError.
[[nodiscard]] GoldenResult golden_pairs(Embedder& embedder, bool korean, const std::stop_token& stop);

}  // namespace prot::memory
