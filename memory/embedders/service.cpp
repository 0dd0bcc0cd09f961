#include "embedders/service.hpp"

#include <algorithm>
#include <utility>

#include "embedders/vectors_of.hpp"
#include "http/url.hpp"
#include "json/json.hpp"

namespace prot::memory {
namespace {

using Kind = ServiceError::Kind;

constexpr std::size_t kMaxRanked = 1000;
constexpr std::size_t kRankedTokens = 8'000;  // of a text, and of the question

http::Request request_of(const VectorService& service, std::string_view path, std::string body) {
  http::Request request;
  request.url = http::service_url(service.url, path);
  request.ca_file = service.ca_file;
  request.unix_socket = service.unix_socket;
  request.headers = {{"content-type", "application/json"}};
  if (!service.api_key.empty()) request.headers.emplace_back("authorization", "Bearer " + service.api_key);
  request.body = std::move(body);
  request.connect_timeout_ms = std::min<std::int64_t>(request.connect_timeout_ms, service.timeout_ms);
  request.first_byte_timeout_ms = request.idle_timeout_ms = request.total_timeout_ms = service.timeout_ms;
  return request;
}

std::string id_of(const VectorService& service) {
  std::string id = service.model;
  if (service.dimension != 0) id += "/" + std::to_string(service.dimension);
  if (!service.document_prefix.empty()) id += "|" + service.document_prefix;
  return id;
}

class ServiceEmbedder final : public Embedder {
 public:
  ServiceEmbedder(VectorService service, EmbeddingWire wire)
      : service_(std::move(service)), wire_(wire), id_(id_of(service_)), pool_(service_.rules) {
    dimension_ = service_.dimension;
  }

  const std::string& model_id() const noexcept override { return id_; }
  bool is_instant() const noexcept override { return false; }

  Embedded embed(std::span<const std::string> texts, TextKind kind, const std::stop_token& stop) override {
    Embedded result;
    result.vectors.resize(texts.size());
    std::vector<std::string> prepared;
    std::vector<std::size_t> places;  // of `prepared` in `texts`
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].find_first_not_of(" \t\r\n") == std::string::npos) {
        result.refused.push_back(i);  // services take no blank
        continue;
      }
      prepared.push_back(cut_to_tokens(
          (kind == TextKind::kQuery ? service_.query_prefix : service_.document_prefix) + texts[i],
          wire_.limits.text_tokens));
      places.push_back(i);
    }
    std::vector<Batch> batches = split_batches(prepared, wire_.limits);
    while (!batches.empty()) batches = round(prepared, places, batches, kind, stop, result);
    return result;
  }

 private:
  /// One request a batch; returns the halves of those that were too large.
  std::vector<Batch> round(const std::vector<std::string>& texts, const std::vector<std::size_t>& places,
                           const std::vector<Batch>& batches, TextKind kind, const std::stop_token& stop,
                           Embedded& result) {
    std::vector<http::Request> requests;
    requests.reserve(batches.size());
    for (const Batch& batch : batches)
      requests.push_back(
          request_of(service_, "/embeddings",
                     wire_.body(service_, std::span(texts).subspan(batch.begin, batch.size()), kind)));
    const auto take = [&](std::size_t request, const std::string& body) {
      const Batch& batch = batches[request];
      std::vector<Vector> vectors = vectors_of(body, batch.size(), dimension_);
      dimension_ = vectors.front().size();
      for (std::size_t i = 0; i < vectors.size(); ++i)
        result.vectors[places[batch.begin + i]] = std::move(vectors[i]);
    };
    const RequestPool::Errors errors = pool_.run(requests, take, stop);
    std::vector<Batch> halves;
    for (std::size_t i = 0; i < batches.size(); ++i) {
      if (!errors[i]) continue;
      const Batch& batch = batches[i];
      if (errors[i]->kind() != Kind::kTooLarge) {
        if (!result.error) result.error = errors[i];
      } else if (batch.size() == 1) {
        result.refused.push_back(places[batch.begin]);
      } else {
        const std::size_t middle = batch.begin + batch.size() / 2;
        halves.push_back({batch.begin, middle});
        halves.push_back({middle, batch.end});
      }
    }
    return halves;
  }

  VectorService service_;
  EmbeddingWire wire_;
  std::string id_;
  std::size_t dimension_ = 0;  // 0: no answer yet
  RequestPool pool_;
};

class ServiceReranker final : public Reranker {
 public:
  ServiceReranker(VectorService service, RerankWire wire)
      : service_(std::move(service)), wire_(wire), pool_(service_.rules) {}

  std::vector<double> rank(std::string_view query, std::span<const std::string> texts,
                           const std::stop_token& stop) override {
    if (texts.empty()) return {};
    texts = texts.first(std::min(texts.size(), kMaxRanked));
    json::Writer w;
    w.begin_object().member("model", service_.model).member("query", cut_to_tokens(query, kRankedTokens));
    w.key("documents").begin_array();
    for (const std::string& text : texts) w.value(cut_to_tokens(text, kRankedTokens));
    w.end_array().member(wire_.limit_name, texts.size()).end_object();
    std::vector<double> ranks;
    const RequestPool::Errors errors = pool_.run(
        {request_of(service_, "/rerank", w.str())},
        [&](std::size_t, const std::string& body) { ranks = ranks_of(body, texts.size()); }, stop);
    if (errors.front()) throw *errors.front();
    return ranks;
  }

 private:
  VectorService service_;
  RerankWire wire_;
  RequestPool pool_;
};

}  // namespace

std::unique_ptr<Embedder> make_service_embedder(VectorService service, EmbeddingWire wire) {
  return std::make_unique<ServiceEmbedder>(std::move(service), wire);
}

std::unique_ptr<Reranker> make_service_reranker(VectorService service, RerankWire wire) {
  return std::make_unique<ServiceReranker>(std::move(service), wire);
}

}  // namespace prot::memory
