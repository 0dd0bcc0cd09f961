#include "embedders/openai.hpp"

#include <utility>

#include "json/json.hpp"

namespace prot::memory {
namespace {

// What OpenAI itself allows is 2048 texts, 8,192 tokens each, 300,000 together; others allow less.
constexpr BatchLimits kLimits{.texts = 128, .tokens = 300'000, .text_tokens = 6'000};

std::string body(const VectorService& service, std::span<const std::string> texts, TextKind) {
  json::Writer w;
  w.begin_object().key("input").begin_array();
  for (const std::string& text : texts) w.value(text);
  w.end_array();
  if (!service.model.empty()) w.member("model", service.model);
  w.member("encoding_format", "float");
  if (service.dimension != 0) w.member("dimensions", service.dimension);
  return w.end_object().str();
}

}  // namespace

std::unique_ptr<Embedder> make_openai_embedder(VectorService service) {
  BatchLimits limits = kLimits;
  if (service.text_tokens != 0) limits.text_tokens = service.text_tokens;
  return make_service_embedder(std::move(service), {limits, body});
}

std::unique_ptr<Reranker> make_openai_reranker(VectorService service) {
  return make_service_reranker(std::move(service), {"top_n"});
}

}  // namespace prot::memory
