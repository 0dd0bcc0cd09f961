#include "models/openai.hpp"

#include "http/fetch.hpp"
#include "json/json.hpp"

namespace prot::memory {
namespace {

constexpr int kMaxTokens = 400;
constexpr std::int64_t kTotalTimeoutMs = 90'000;
constexpr std::size_t kMaxBody = 1U << 20U;
// Slot 0 is the conversation's: its cached prompt must stay warm.
constexpr int kSlot = 1;

// As brain's: with or without /v1.
std::string endpoint_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with("/v1")) url += "/v1";
  return url + "/chat/completions";
}

class OpenAiModel final : public ExtractionModel {
 public:
  explicit OpenAiModel(OpenAiServer server) : server_(std::move(server)) {}

  std::string ask(std::string_view instructions, std::string_view question, std::string_view schema,
                  std::stop_token stop) override {
    http::Request request;
    request.url = endpoint_of(server_.url);
    request.unix_socket = server_.unix_socket;
    request.headers = {{"content-type", "application/json"}};
    if (!server_.api_key.empty()) request.headers.emplace_back("authorization", "Bearer " + server_.api_key);
    request.body = body(instructions, question, schema);
    request.first_byte_timeout_ms = kTotalTimeoutMs;
    request.idle_timeout_ms = kTotalTimeoutMs;
    request.total_timeout_ms = kTotalTimeoutMs;
    try {
      return content_of(http::fetch(request, stop, kMaxBody).body);
    } catch (const http::RequestError& e) {
      if (stop.stop_requested()) throw ModelError(ModelError::Kind::kCancelled, e.what());
      const bool fatal = e.error_class() == http::ErrorClass::kFatal;
      throw ModelError(fatal ? ModelError::Kind::kFailed : ModelError::Kind::kUnavailable, e.what());
    }
  }

 private:
  std::string body(std::string_view instructions, std::string_view question, std::string_view schema) const {
    json::Writer w;
    w.begin_object();
    if (!server_.model.empty()) w.member("model", server_.model);
    w.key("messages").begin_array();
    w.begin_object().member("role", "system").member("content", instructions).end_object();
    w.begin_object().member("role", "user").member("content", question).end_object();
    w.end_array();
    w.member("max_tokens", kMaxTokens).member("temperature", 0);
    w.key("response_format").begin_object().member("type", "json_schema");
    w.key("json_schema").begin_object().member("name", "facts").member("strict", true);
    w.key("schema").raw(schema).end_object().end_object();
    if (server_.llama_cpp) w.member("id_slot", kSlot).member("cache_prompt", true);
    return w.end_object().str();
  }

  static std::string content_of(const std::string& reply) {
    try {
      const json::Document document = json::parse(reply);
      const json::View choice = document.get("choices").at(0);
      if (choice.get("finish_reason").as_string() == "length")
        throw ModelError(ModelError::Kind::kFailed, "the model's answer was cut at its length limit");
      const json::View content = choice.get("message").get("content");
      if (!content.is_string()) throw ModelError(ModelError::Kind::kFailed, "the model gave no content");
      return std::string(content.as_string());
    } catch (const ModelError&) {
      throw;
    } catch (const Error& e) {
      throw ModelError(ModelError::Kind::kFailed, std::string("the model's reply: ") + e.what());
    }
  }

  OpenAiServer server_;
};

}  // namespace

std::unique_ptr<ExtractionModel> make_openai_model(OpenAiServer server) {
  return std::make_unique<OpenAiModel>(std::move(server));
}

}  // namespace prot::memory
