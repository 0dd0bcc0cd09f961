#include "models/anthropic.hpp"

#include <utility>

#include "http/url.hpp"
#include "models/server_answer.hpp"

namespace prot::memory {
namespace {

constexpr int kMaxTokens = 2000;
constexpr int kBatch = 4;

/// The answer's form is a tool that must be called: every model and every server of this kind knows that,
/// and the input is JSON of its schema.
class AnthropicModel final : public ExtractionModel {
 public:
  explicit AnthropicModel(AnthropicServer server) : server_(std::move(server)) {}

  std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                  std::stop_token stop) override {
    http::Request request;
    request.url = http::service_url(server_.url, "/messages");
    request.headers = {{"anthropic-version", "2023-06-01"}};
    if (!server_.api_key.empty()) request.headers.emplace_back("x-api-key", server_.api_key);
    request.body = body(instructions, question, schema);
    request.total_timeout_ms = server_.timeout_ms;
    return ask_server(std::move(request), stop, input_of, tokens_);
  }

  [[nodiscard]] std::uint64_t tokens() const noexcept override { return tokens_; }
  [[nodiscard]] int batch() const noexcept override { return kBatch; }

 private:
  std::string body(std::string_view instructions, std::string_view question, std::string_view schema) const {
    json::Writer w;
    w.begin_object().member("model", server_.model).member("max_tokens", kMaxTokens);
    w.key("tools").begin_array().begin_object().member("name", "facts");
    w.member("description", "Takes what is to be remembered.").key("input_schema").raw(schema);
    w.end_object().end_array();
    w.key("tool_choice").begin_object().member("type", "tool").member("name", "facts").end_object();
    w.member("system", instructions);
    w.key("messages").begin_array().begin_object().member("role", "user").member("content", question);
    return w.end_object().end_array().end_object().str();
  }

  static std::string input_of(const json::Document& document) {
    if (document.get("stop_reason").as_string() == "max_tokens")
      throw ServiceError(ServiceError::Kind::kFailed, "the model's answer was cut at its length limit");
    const json::View content = document.get("content");
    for (std::size_t i = 0; i < content.size(); ++i)
      if (content.at(i).get("type").as_string() == "tool_use") return content.at(i).get("input").to_json();
    throw ServiceError(ServiceError::Kind::kFailed, "the model gave no facts");
  }

  AnthropicServer server_;
  std::uint64_t tokens_ = 0;
};

}  // namespace

std::unique_ptr<ExtractionModel> make_anthropic_model(AnthropicServer server) {
  return std::make_unique<AnthropicModel>(std::move(server));
}

}  // namespace prot::memory
