#include "engines/openai_reader.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "engines/token_count.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

constexpr double kLongestMs = 3.6e6;      // that reading a prompt takes
constexpr std::int64_t kLastIndex = 999;  // of a call

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

/// `timings`: llama-server's.
void on_usage(json::View usage, json::View timings, std::vector<ModelEvent>& out) {
  out.push_back(make_event(ModelEvent::Kind::kUsage));
  out.back().usage.prompt_tokens = token_count(usage.get("prompt_tokens"));
  out.back().usage.reply_tokens = token_count(usage.get("completion_tokens"));
  out.back().usage.cached_tokens = token_count(usage.get("prompt_tokens_details").get("cached_tokens"));
  out.back().usage.read_tokens = token_count(timings.get("prompt_n"));
  const double read_ms = std::clamp(timings.get("prompt_ms").as_double(), 0.0, kLongestMs);
  out.back().usage.read_ns = static_cast<Nanos>(read_ms * kMillisecond);
}

}  // namespace

OpenAiReader::OpenAiReader(std::string endpoint, bool prefill)
    : endpoint_(std::move(endpoint)), prefill_(prefill) {}

OpenAiReader::State OpenAiReader::take(const http::SseEvent& event, std::vector<ModelEvent>& out) {
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

OpenAiReader::State OpenAiReader::end(bool broken, std::vector<ModelEvent>& out) {
  (void)broken;
  return finish(stopped_, out);
}

OpenAiReader::State OpenAiReader::on_error(json::View error, std::vector<ModelEvent>& out) {
  if (stopped_) return finish(true, out);
  const std::string name = http::error_name(error.to_json());
  log_content("{}: {}", endpoint_, error.to_json());
  failure_ = {classify_body(error),
              endpoint_ + ": the stream ends with an error" + (name.empty() ? "" : ": " + name)};
  return State::kFailed;
}

// Pieces belong together by index; a new id under a known index is a new call (servers that say 0 always).
void OpenAiReader::on_tool(json::View delta) {
  std::int64_t index = delta.get("index").as_int(-1);
  if (index < 0 || index > kLastIndex) index = std::max<std::int64_t>(tool_index_, 0);
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

OpenAiReader::State OpenAiReader::finish(bool whole, std::vector<ModelEvent>& out) {
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

}  // namespace prot::brain
