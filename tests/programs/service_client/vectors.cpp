#include <algorithm>
#include <cmath>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "memory/embedders/openai.hpp"
#include "memory/embedders/voyage.hpp"
#include "service_client.hpp"

namespace prot::test {
namespace {

using Texts = std::vector<std::string>;

// As memory has them for the questions of the moment (memory/embedders/registry.cpp).
memory::VectorService service_at(const std::string& url) {
  memory::VectorService service;
  service.url = url;
  service.model = "loopback";
  service.api_key = "loopback";
  service.rules = {.at_once = 1, .tries = 2, .first_wait = 100 * kMillisecond, .longest_wait = kSecond};
  service.timeout_ms = 3'000;
  return service;
}

std::string told(double value) { return std::to_string(std::llround(value * 1000)) + " "; }

/// Vectors of texts, as the sum of each with weights by place.
class Embedding {
 public:
  explicit Embedding(std::unique_ptr<memory::Embedder> embedder) : embedder_(std::move(embedder)) {}
  std::string operator()(const Texts& texts, const std::stop_token& stop) const {
    const memory::Embedded made = embedder_->embed(texts, memory::TextKind::kQuery, stop);
    if (made.error) throw *made.error;
    std::string out;
    for (const memory::Vector& vector : made.vectors) {
      double sum = 0;
      double weight = 1;
      for (const float value : vector) sum += weight++ * double{value};
      out += told(sum);
    }
    return out;
  }

 private:
  std::unique_ptr<memory::Embedder> embedder_;
};

/// Ranks of the texts behind the first one, which is the question.
class Ranking {
 public:
  explicit Ranking(std::unique_ptr<memory::Reranker> reranker) : reranker_(std::move(reranker)) {}
  std::string operator()(const Texts& texts, const std::stop_token& stop) const {
    std::string out;
    for (const double rank : reranker_->rank(texts.front(), std::span(texts).subspan(1), stop))
      out += told(rank);
    return out;
  }

 private:
  std::unique_ptr<memory::Reranker> reranker_;
};

/// {"texts":["...",...]}. The work blocks: it has a thread for each order, as memory has one for all.
template <typename Work>
class VectorClient final : public ServiceClient {
 public:
  VectorClient(Work work, Wake wake) : work_(std::move(work)), wake_(std::move(wake)) {}

  void ask(json::View order) override {
    Texts texts;
    for (std::size_t i = 0; i < order.get("texts").size(); ++i)
      texts.emplace_back(order.get("texts").at(i).as_string());
    thread_ = {};  // joins the last one
    outcome_.reset();
    thread_ = std::jthread([this, texts](const std::stop_token& stop) { work(texts, stop); });
  }
  void cancel() override {
    thread_.request_stop();
    const std::lock_guard lock(mutex_);
    outcome_.reset();
  }
  std::optional<Outcome> poll() override {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcome_, std::nullopt);
  }

 private:
  void work(const Texts& texts, const std::stop_token& stop) {
    Outcome outcome;
    try {
      outcome.text = work_(texts, stop);
    } catch (const memory::ServiceError& error) {
      outcome = {"", memory::to_string(error.kind()), error.what()};
    }
    {
      const std::lock_guard lock(mutex_);
      if (stop.stop_requested()) return;
      outcome_ = std::move(outcome);
    }
    wake_();
  }

  Work work_;
  Wake wake_;
  std::mutex mutex_;
  std::optional<Outcome> outcome_;  // protected by mutex_
  std::jthread thread_;             // last: it uses all of the above
};

template <typename Work>
std::unique_ptr<ServiceClient> client_of(Work work, const Wake& wake) {
  return std::make_unique<VectorClient<Work>>(std::move(work), wake);
}

}  // namespace

std::unique_ptr<ServiceClient> make_vector_client(std::string_view kind, const Where& where,
                                                  const Wake& wake) {
  const memory::VectorService service = service_at(where.front());
  if (kind == "openai") return client_of(Embedding(memory::make_openai_embedder(service)), wake);
  if (kind == "voyage") return client_of(Embedding(memory::make_voyage_embedder(service)), wake);
  if (kind == "openai-rerank") return client_of(Ranking(memory::make_openai_reranker(service)), wake);
  if (kind == "voyage-rerank") return client_of(Ranking(memory::make_voyage_reranker(service)), wake);
  throw UsageError("there are no vectors '" + std::string(kind) + "'");
}

}  // namespace prot::test
