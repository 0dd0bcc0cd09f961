#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "vectors/embedder.hpp"

/// The answers of services, checked. All throw Error about what is wrong.
namespace prot::memory {

/// {"data":[{"index","embedding":[...] or base64 of float32}]}: by index, of length 1. `dimension`: as all
/// must be; 0: as the first is.
[[nodiscard]] std::vector<Vector> vectors_of(std::string_view body, std::size_t count, std::size_t dimension);

/// {"data" or "results":[{"index","relevance_score"}]}: by index; those that were left out have the worst.
[[nodiscard]] std::vector<double> ranks_of(std::string_view body, std::size_t count);

}  // namespace prot::memory
