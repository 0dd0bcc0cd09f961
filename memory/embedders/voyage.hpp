#pragma once

#include "embedders/service.hpp"

namespace prot::memory {

/// Voyage AI. Its models know questions from texts by themselves; prefixes are not used.
[[nodiscard]] std::unique_ptr<Embedder> make_voyage_embedder(VectorService service);
[[nodiscard]] std::unique_ptr<Reranker> make_voyage_reranker(VectorService service);

}  // namespace prot::memory
