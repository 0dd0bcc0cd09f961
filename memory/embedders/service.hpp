#pragma once

#include <memory>
#include <string>

#include "embedders/batches.hpp"
#include "embedders/request_pool.hpp"
#include "vectors/embedder.hpp"

namespace prot::memory {

/// Where vectors or ranks are had, and how patiently.
struct VectorService {
  std::string url;  // with or without /v1
  std::string model;
  std::string api_key;
  std::size_t dimension = 0;    // asked for, and checked; 0: the model's own
  std::size_t text_tokens = 0;  // of a text, what is more is cut off; 0: what its kind usually takes
  std::string query_prefix;     // for models that read questions and texts differently: "query: "
  std::string document_prefix;
  RequestPool::Rules rules;
  std::int64_t timeout_ms = 60'000;
  std::string unix_socket;  // the host of `url` is then only a name
  std::string ca_file;      // trusted instead of the system's certificates; empty: those
};

/// What one kind of service differs in.
struct EmbeddingWire {
  BatchLimits limits;
  std::string (*body)(const VectorService& service, std::span<const std::string> texts, TextKind kind);
};

/// POST {url}/embeddings in batches, several at once. A batch that is too large is halved.
[[nodiscard]] std::unique_ptr<Embedder> make_service_embedder(VectorService service, EmbeddingWire wire);

struct RerankWire {
  const char* limit_name;  // of the member that says how many ranks are wanted
};

/// POST {url}/rerank, one request.
[[nodiscard]] std::unique_ptr<Reranker> make_service_reranker(VectorService service, RerankWire wire);

}  // namespace prot::memory
