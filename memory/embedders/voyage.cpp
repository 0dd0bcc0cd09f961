#include "embedders/voyage.hpp"

#include <utility>

#include "json/json.hpp"

namespace prot::memory {
namespace {

constexpr std::size_t kTexts = 128;
constexpr std::size_t kTextTokens = 16'000;  // of 32,000

/// Of all texts of a request, as its documents say.
std::size_t request_tokens(const std::string& model) noexcept {
  if (model == "voyage-4-lite" || model == "voyage-3.5-lite") return 1'000'000;
  if (model == "voyage-4" || model == "voyage-3.5") return 320'000;
  return 120'000;
}

std::string body(const VectorService& service, std::span<const std::string> texts, TextKind kind) {
  json::Writer w;
  w.begin_object().key("input").begin_array();
  for (const std::string& text : texts) w.value(text);
  w.end_array().member("model", service.model);
  w.member("input_type", kind == TextKind::kQuery ? "query" : "document");
  w.member("truncation", true).member("encoding_format", "base64");
  if (service.dimension != 0) w.member("output_dimension", service.dimension);
  return w.end_object().str();
}

}  // namespace

std::unique_ptr<Embedder> make_voyage_embedder(VectorService service) {
  service.query_prefix.clear();
  service.document_prefix.clear();
  const BatchLimits limits{kTexts, request_tokens(service.model), kTextTokens};
  return make_service_embedder(std::move(service), {limits, body});
}

std::unique_ptr<Reranker> make_voyage_reranker(VectorService service) {
  return make_service_reranker(std::move(service), {"top_k"});
}

}  // namespace prot::memory
