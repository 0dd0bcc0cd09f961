#include "embedders/local.hpp"

#include <filesystem>
#include <utility>

#include "base/log.hpp"
#include "embedders/openai.hpp"
#include "vectors/golden_pairs.hpp"

namespace prot::memory {
namespace {

// Most such models read 512; what is longer would be refused.
constexpr std::size_t kTextTokens = 400;

class LocalEmbedder final : public Embedder {
 public:
  LocalEmbedder(std::shared_ptr<LocalServer> server, std::string id, std::unique_ptr<Embedder> service,
                Nanos patience)
      : server_(std::move(server)), id_(std::move(id)), service_(std::move(service)), patience_(patience) {}

  const std::string& model_id() const noexcept override { return id_; }
  bool is_instant() const noexcept override { return false; }

  Embedded embed(std::span<const std::string> texts, TextKind kind, const std::stop_token& stop) override {
    try {
      server_->need(stop, patience_);
      if (!proven_) prove(stop);
      return service_->embed(texts, kind, stop);
    } catch (const ServiceError& e) {
      Embedded failed;
      failed.vectors.resize(texts.size());
      failed.error = e;
      return failed;
    }
  }

 private:
  void prove(const std::stop_token& stop) {
    const GoldenResult english = golden_pairs(*service_, false, stop);
    const GoldenResult korean = golden_pairs(*service_, true, stop);
    if (2 * std::max(english.right, korean.right) <= english.pairs)
      // Not kFailed: it is no single text that is to blame.
      throw ServiceError(
          ServiceError::Kind::kUnavailable,
          id_ +
              " does not tell what is alike from what is not: another memory.embedding_pooling, "
              "or no model for vectors",
          600 * kSecond);
    log_info("{}: of {} pairs it knows {} in English, {} in Korean", id_, english.pairs, english.right,
             korean.right);
    proven_ = true;
  }

  std::shared_ptr<LocalServer> server_;
  std::string id_;
  std::unique_ptr<Embedder> service_;
  Nanos patience_;
  bool proven_ = false;
};

std::string id_of(const LocalServer::Settings& settings, const VectorService& service) {
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(settings.model, unknown);
  std::string id = "local:" + std::filesystem::path(settings.model).filename().string() + ":" +
                   (unknown ? std::string("?") : std::to_string(size));
  if (!settings.pooling.empty()) id += ":" + settings.pooling;
  if (service.dimension != 0) id += "/" + std::to_string(service.dimension);
  if (!service.document_prefix.empty()) id += "|" + service.document_prefix;
  return id.substr(0, 300);
}

}  // namespace

std::unique_ptr<Embedder> make_local_embedder(std::shared_ptr<LocalServer> server,
                                              const LocalServer::Settings& settings, VectorService service,
                                              Nanos patience) {
  service.url = "http://localhost/v1";
  service.unix_socket = settings.socket;
  service.text_tokens = kTextTokens;
  std::string id = id_of(settings, service);
  return std::make_unique<LocalEmbedder>(std::move(server), std::move(id),
                                         make_openai_embedder(std::move(service)), patience);
}

}  // namespace prot::memory
