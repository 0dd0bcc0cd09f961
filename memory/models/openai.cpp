#include "models/openai.hpp"

#include <utility>

#include "http/url.hpp"
#include "models/server_answer.hpp"

namespace prot::memory {
namespace {

constexpr int kMaxTokens = 400;  // of one exchange
constexpr int kBatch = 4;
// Slot 0 is the conversation's: its cached prompt must stay warm.
constexpr int kSlot = 1;

class OpenAiModel final : public ExtractionModel {
 public:
  explicit OpenAiModel(OpenAiServer server) : server_(std::move(server)) {}

  std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                  std::stop_token stop) override {
    http::Request request;
    request.url = http::service_url(server_.url, "/chat/completions");
    request.unix_socket = server_.unix_socket;
    if (!server_.api_key.empty()) request.headers.emplace_back("authorization", "Bearer " + server_.api_key);
    request.body = body(instructions, question, schema);
    request.total_timeout_ms = server_.timeout_ms;
    return ask_server(std::move(request), stop, content_of, tokens_);
  }

  [[nodiscard]] std::uint64_t tokens() const noexcept override { return tokens_; }
  [[nodiscard]] int batch() const noexcept override { return server_.llama_cpp ? 1 : kBatch; }

 private:
  std::string body(std::string_view instructions, std::string_view question, std::string_view schema) const {
    json::Writer w;
    w.begin_object();
    if (!server_.model.empty()) w.member("model", server_.model);
    w.key("messages").begin_array();
    w.begin_object().member("role", "system").member("content", instructions).end_object();
    w.begin_object().member("role", "user").member("content", question).end_object();
    w.end_array();
    w.member("max_tokens", kMaxTokens * batch()).member("temperature", 0);
    w.key("response_format").begin_object().member("type", "json_schema");
    w.key("json_schema").begin_object().member("name", "facts").member("strict", true);
    w.key("schema").raw(schema).end_object().end_object();
    if (server_.llama_cpp) w.member("id_slot", kSlot).member("cache_prompt", true);
    return w.end_object().str();
  }

  static std::string content_of(const json::Document& document) {
    const json::View choice = document.get("choices").at(0);
    if (choice.get("finish_reason").as_string() == "length")
      throw ServiceError(ServiceError::Kind::kFailed, "the model's answer was cut at its length limit");
    const json::View content = choice.get("message").get("content");
    if (!content.is_string()) throw ServiceError(ServiceError::Kind::kFailed, "the model gave no content");
    return std::string(content.as_string());
  }

  OpenAiServer server_;
  std::uint64_t tokens_ = 0;
};

}  // namespace

std::unique_ptr<ExtractionModel> make_openai_model(OpenAiServer server) {
  return std::make_unique<OpenAiModel>(std::move(server));
}

}  // namespace prot::memory
