#include "engines/anthropic.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "base/log.hpp"
#include "engines/anthropic_compactions.hpp"
#include "engines/anthropic_reader.hpp"
#include "http/url.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

constexpr std::size_t kMostUnknown = 32;  // names that are remembered

class Protocol final : public ServerProtocol {
 public:
  explicit Protocol(AnthropicOptions options)
      : options_(std::move(options)), endpoint_(http::service_url(options_.url, "/messages")) {}

  [[nodiscard]] const std::string& endpoint() const override { return endpoint_; }

  [[nodiscard]] http::Headers headers() const override {
    http::Headers headers = {{"anthropic-version", "2023-06-01"}};
    if (!options_.api_key.empty()) headers.emplace_back("x-api-key", options_.api_key);
    if (const std::string betas = anthropic_betas(options_.features); !betas.empty())
      headers.emplace_back("anthropic-beta", betas);
    return headers;
  }

  [[nodiscard]] std::string body(const Request& request, const std::string& carried) const override {
    return anthropic_body(options_, compactions_, request, carried);
  }

  [[nodiscard]] std::unique_ptr<AnswerReader> reader(const Request& request,
                                                     const std::string& carried) override {
    const std::size_t question = AnthropicCompactions::last_question(request.messages);
    AnthropicReader::Links links;
    links.endpoint = http::shown_url(endpoint_);
    links.author = anthropic_author(options_);
    links.compacted = [this, mark = AnthropicCompactions::mark(request.messages, question)](
                          const std::string& block) { compactions_.keep(mark, block); };
    links.unknown = [this](const std::string& what) { note_unknown(what); };
    return std::make_unique<AnthropicReader>(std::move(links), request.prefill, carried);
  }

  [[nodiscard]] ErrorClass classify(const http::Event& error) const override {
    const auto says = [&](std::string_view part) { return error.data.find(part) != std::string::npos; };
    // Money and the person's own spending limit come as a wrong request.
    if (error.status == 400 && (says("credit balance") || says("spend_limit") || says("usage limits")))
      return ErrorClass::kQuota;
    const bool limited = error.status == 429 && error.error_class == ErrorClass::kRetry;
    return limited ? ErrorClass::kOverloaded : error.error_class;
  }

 private:
  // Each once: a newer service may send it with every answer.
  void note_unknown(const std::string& what) {
    if (unknown_.size() < kMostUnknown && unknown_.insert(what).second)
      log_info("{} sends what prot does not know: {}", http::shown_url(endpoint_), what);
  }

  AnthropicOptions options_;
  std::string endpoint_;
  AnthropicCompactions compactions_;
  std::set<std::string> unknown_;
};

ServerOptions server_options(const AnthropicOptions& options) {
  ServerOptions out;
  out.name = options.model.empty() ? "anthropic" : options.model;
  out.key_name = options.key_name;
  out.has_key = !options.api_key.empty();
  out.connect_timeout = options.connect_timeout;
  out.first_byte_timeout = options.first_byte_timeout;
  out.retry_for = options.retry_for;
  out.idle_timeout = options.idle_timeout;
  out.slow_timeout = std::max(options.slow_timeout, options.idle_timeout);
  out.attempts = options.attempts;
  out.answer_time = options.answer_time;
  out.answer_bytes = options.answer_bytes;
  return out;
}

}  // namespace

AnthropicModel::AnthropicModel(const AnthropicOptions& options, std::function<void()> wake)
    : ServerModel(server_options(options), std::make_unique<Protocol>(options), std::move(wake)) {}

}  // namespace prot::brain
