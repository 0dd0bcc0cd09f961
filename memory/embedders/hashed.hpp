#pragma once

#include <memory>

#include "vectors/embedder.hpp"

namespace prot::memory {

inline constexpr std::size_t kHashedDimension = 1024;

/// Words and character n-grams (of Hangul pairs, else triples), each at a place that its hash says. Needs no
/// model, and is the same on every machine; its id changes with what it reads.
[[nodiscard]] std::unique_ptr<Embedder> make_hashed_embedder(std::size_t dimension = kHashedDimension);

}  // namespace prot::memory
