#pragma once

#include "embedders/service.hpp"

namespace prot::memory {

/// Any server with /v1/embeddings: OpenAI, llama-server, Ollama, vLLM.
[[nodiscard]] std::unique_ptr<Embedder> make_openai_embedder(VectorService service);
/// Any server with /v1/rerank: llama-server, vLLM, Jina, Cohere's older one.
[[nodiscard]] std::unique_ptr<Reranker> make_openai_reranker(VectorService service);

}  // namespace prot::memory
