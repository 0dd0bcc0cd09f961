#include "engines/openai.hpp"

#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "engines/split_characters.hpp"
#include "http/url.hpp"
#include "json/json.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

// An error inside an answer whose status was 200.
ErrorClass classify_body(json::View error) {
  const int status = static_cast<int>(error.get("code").as_int());
  if (status >= 400) return http::classify_status(status, error.to_json(), false);
  const std::string word =
      std::string(error.get("type").as_string()) + " " + std::string(error.get("code").as_string());
  const auto says = [&](std::string_view part) { return word.find(part) != std::string::npos; };
  if (says("auth") || says("permission") || says("api_key")) return ErrorClass::kAuth;
  if (says("quota") || says("billing")) return ErrorClass::kQuota;
  if (says("unavailable") || says("overloaded") || says("rate_limit")) return ErrorClass::kOverloaded;
  if (says("server_error") || says("internal") || says("timeout")) return ErrorClass::kRetry;
  return ErrorClass::kFatal;
}

StopReason stop_reason(std::string_view reason) noexcept {
  if (reason == "length") return StopReason::kLength;
  if (reason == "tool_calls" || reason == "function_call") return StopReason::kTools;
  if (reason == "content_filter") return StopReason::kFiltered;
  return StopReason::kEnd;
}

ModelEvent make_event(ModelEvent::Kind kind) {
  ModelEvent event;
  event.kind = kind;
  return event;
}

// Events of a kind that nobody knows may hold anything.
bool is_unknown(const http::SseEvent& event) {
  return !event.event.empty() && event.event != "message" && event.event != "error";
}

class Reader final : public AnswerReader {
 public:
  Reader(std::string endpoint, bool prefill) : endpoint_(std::move(endpoint)), prefill_(prefill) {}

  State take(const http::SseEvent& event, std::vector<ModelEvent>& out) override {
    if (event.data == "[DONE]") return finish(true, out);
    json::Document document;
    try {
      document = json::parse(split_.protect(event.data));
    } catch (const Error&) {
      if (is_unknown(event)) return State::kOpen;
      throw;
    }
    const json::View root = document.root();
    const json::View error = event.event == "error" && !root.get("error") ? root : root.get("error");
    if (error) return on_error(error, out);
    if (const json::View usage = root.get("usage")) on_usage(usage, root.get("timings"), out);
    const json::View choice = root.get("choices").at(0);  // null when there is none: the usage chunk
    const json::View whole = choice.get("message");       // of a server that does not stream
    const json::View delta = whole ? whole : choice.get("delta");
    if (std::string text = split_.restore(delta.get("content").as_string()); !text.empty() && !prefill_) {
      out.push_back(make_event(ModelEvent::Kind::kText));
      out.back().text = std::move(text);
    }
    for (std::size_t i = 0; i < delta.get("tool_calls").size(); ++i) on_tool(delta.get("tool_calls").at(i));
    if (const std::string_view reason = choice.get("finish_reason").as_string(); !reason.empty() || whole) {
      stopped_ = true;
      stop_ = stop_reason(reason);
    }
    return State::kOpen;
  }

  State end(bool broken, std::vector<ModelEvent>& out) override {
    (void)broken;
    return finish(stopped_, out);
  }
  [[nodiscard]] const Failure& failure() const override { return failure_; }

 private:
  State on_error(json::View error, std::vector<ModelEvent>& out) {
    if (stopped_) return finish(true, out);
    const std::string name = http::error_name(error.to_json());
    log_content("{}: {}", endpoint_, error.to_json());
    failure_ = {classify_body(error),
                endpoint_ + ": the stream ends with an error" + (name.empty() ? "" : ": " + name)};
    return State::kFailed;
  }

  /// `timings`: llama-server's.
  static void on_usage(json::View usage, json::View timings, std::vector<ModelEvent>& out) {
    const auto count = [](json::View value) { return static_cast<std::uint32_t>(value.as_int()); };
    out.push_back(make_event(ModelEvent::Kind::kUsage));
    out.back().usage.prompt_tokens = count(usage.get("prompt_tokens"));
    out.back().usage.reply_tokens = count(usage.get("completion_tokens"));
    out.back().usage.cached_tokens = count(usage.get("prompt_tokens_details").get("cached_tokens"));
    out.back().usage.read_tokens = count(timings.get("prompt_n"));
    out.back().usage.read_ns = static_cast<Nanos>(timings.get("prompt_ms").as_double() * kMillisecond);
  }

  // Pieces belong together by index; a new id under a known index is a new call (servers that say 0 always).
  void on_tool(json::View delta) {
    std::int64_t index = delta.get("index").as_int(tool_index_ < 0 ? 0 : tool_index_);
    const std::string_view id = delta.get("id").as_string();
    if (const auto known = tools_.find(index); known != tools_.end() && !id.empty() && known->second.id != id)
      index = tools_.rbegin()->first + (tools_.rbegin()->second.id == id ? 0 : 1);
    tool_index_ = index;
    ToolCall& tool = tools_[index];
    if (!id.empty()) tool.id = id;
    if (tool.id.empty()) tool.id = "call_" + std::to_string(index);
    const json::View function = delta.get("function");
    if (tool.name.empty()) tool.name = function.get("name").as_string();
    tool.arguments += function.get("arguments").as_string();
  }

  State finish(bool whole, std::vector<ModelEvent>& out) {
    if (!whole) {
      failure_ = {ErrorClass::kRetry, endpoint_ + ": the stream ended before the answer did"};
      return State::kFailed;
    }
    for (auto& [index, tool] : tools_) {
      out.push_back(make_event(ModelEvent::Kind::kToolCall));
      out.back().call = std::move(tool);
    }
    out.push_back(make_event(ModelEvent::Kind::kDone));
    const bool cut = stop_ == StopReason::kLength;  // perhaps within a call
    out.back().stop = tools_.empty() || cut ? stop_ : StopReason::kTools;
    return State::kOver;
  }

  std::string endpoint_;
  SplitCharacters split_;
  std::map<std::int64_t, ToolCall> tools_;
  std::int64_t tool_index_ = -1;  // for servers that repeat index 0
  bool prefill_;
  bool stopped_ = false;  // a finish_reason was seen
  StopReason stop_ = StopReason::kEnd;
  Failure failure_;
};

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
    return std::make_unique<Reader>(http::shown_url(endpoint_), request.prefill);
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
