#include "engines/openai.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "engines/openai_reader.hpp"
#include "http/url.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

class Protocol final : public ServerProtocol {
 public:
  explicit Protocol(OpenAiOptions options)
      : options_(std::move(options)), endpoint_(http::service_url(options_.url, "/chat/completions")) {}

  [[nodiscard]] const std::string& endpoint() const override { return endpoint_; }
  [[nodiscard]] http::Headers headers() const override {
    if (options_.api_key.empty()) return {};
    return {{"authorization", "Bearer " + options_.api_key}};
  }
  [[nodiscard]] std::string body(const Request& request, const std::string& carried) const override {
    (void)carried;
    return openai_body(options_, request);
  }
  [[nodiscard]] std::unique_ptr<AnswerReader> reader(const Request& request,
                                                     const std::string& carried) override {
    (void)carried;
    return std::make_unique<OpenAiReader>(http::shown_url(endpoint_), request.prefill);
  }
  [[nodiscard]] ErrorClass classify(const http::Event& error) const override {
    // Too many requests is no fault of the network: the person is to hear that it is busy.
    const bool limited = error.status == 429 && error.error_class == ErrorClass::kRetry;
    return limited ? ErrorClass::kOverloaded : error.error_class;
  }

 private:
  OpenAiOptions options_;
  std::string endpoint_;
};

ServerOptions server_options(const OpenAiOptions& options) {
  ServerOptions out;
  out.name = options.local ? "llama-server" : options.model.empty() ? "openai" : options.model;
  out.unix_socket = options.unix_socket;
  out.key_name = options.key_name;
  out.has_key = !options.api_key.empty();
  out.connect_timeout = options.connect_timeout;
  out.first_byte_timeout = options.first_byte_timeout;
  out.retry_for = options.retry_for;
  out.idle_timeout = out.slow_timeout = options.idle_timeout;
  out.attempts = options.attempts;
  out.answer_time = options.answer_time;
  out.answer_bytes = options.answer_bytes;
  out.can_prefill = options.local;
  return out;
}

}  // namespace

OpenAiModel::OpenAiModel(const OpenAiOptions& options, std::function<void()> wake)
    : ServerModel(server_options(options), std::make_unique<Protocol>(options), std::move(wake)) {}

}  // namespace prot::brain
