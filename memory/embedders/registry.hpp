#pragma once

#include <memory>
#include <string>

#include "stage/context.hpp"
#include "vectors/embedder.hpp"

namespace prot::memory {

/// The embedder of the configuration: one for what is stored, one for the questions of the moment, of one
/// model. Together they have at most 5 requests under way.
struct EmbedderPair {
  std::unique_ptr<Embedder> documents;  // null: none is wanted
  std::unique_ptr<Embedder> questions;
};
/// Throws UsageError where something is missing, Error where a key would leave this machine unencrypted.
[[nodiscard]] EmbedderPair make_embedders(const stage::StageContext& context);
/// Null: none is wanted.
[[nodiscard]] std::unique_ptr<Reranker> make_reranker(const stage::StageContext& context);

}  // namespace prot::memory
