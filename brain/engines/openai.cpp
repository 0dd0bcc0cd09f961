#include "engines/openai.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kFirstBackOff = 100 * kMillisecond;
constexpr Nanos kMaxBackOff = kSecond;
constexpr Nanos kPrefillTimeout = 60 * kSecond;  // nobody waits for it; a cold start takes its time
constexpr Nanos kMaxRetryAfter = 2 * kSecond;    // a person waits: longer is a failure

const char* role_name(Role role) noexcept {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

std::string endpoint_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with("/v1")) url += "/v1";
  return url + "/chat/completions";
}

void write_message(json::Writer& out, const Message& message, const std::string& context) {
  out.begin_object().member("role", role_name(message.role));
  if (message.text.empty() && !message.tool_calls.empty()) {
    out.key("content").null();
  } else {
    out.member("content", context.empty() ? message.text : context + "\n\n" + message.text);
  }
  if (!message.tool_call_id.empty()) out.member("tool_call_id", message.tool_call_id);
  if (!message.tool_calls.empty()) {
    out.key("tool_calls").begin_array();
    for (const ToolCall& call : message.tool_calls) {
      out.begin_object().member("id", call.id).member("type", "function").key("function").begin_object();
      out.member("name", call.name).member("arguments", call.arguments).end_object().end_object();
    }
    out.end_array();
  }
  out.end_object();
}

void write_messages(json::Writer& out, const Request& request) {
  std::string system;
  for (const std::string& block : request.prompt) system += (system.empty() ? "" : "\n\n") + block;
  out.key("messages").begin_array();
  if (!system.empty()) out.begin_object().member("role", "system").member("content", system).end_object();
  std::size_t last_user = request.messages.size();
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    if (request.messages[i].role == Role::kUser) last_user = i;
  for (std::size_t i = 0; i < request.messages.size(); ++i)
    write_message(out, request.messages[i], i == last_user ? request.context : std::string());
  out.end_array();
}

void write_tools(json::Writer& out, const std::vector<Tool>& tools) {
  if (tools.empty()) return;
  out.key("tools").begin_array();
  for (const Tool& tool : tools) {
    out.begin_object().member("type", "function").key("function").begin_object();
    out.member("name", tool.name).member("description", tool.description);
    out.key("parameters").raw(tool.schema).end_object().end_object();
  }
  out.end_array();
}

http::ErrorClass classify_body(json::View error) {
  const json::View code = error.get("code");
  const std::string_view type = error.get("type").as_string();
  const int status = static_cast<int>(code.as_int());
  if (status >= 400) return http::classify_status(status, error.to_json(), false);
  if (type.find("auth") != std::string_view::npos) return http::ErrorClass::kAuth;
  if (type.find("quota") != std::string_view::npos) return http::ErrorClass::kQuota;
  if (type.find("unavailable") != std::string_view::npos || type.find("overloaded") != std::string_view::npos)
    return http::ErrorClass::kOverloaded;
  return http::ErrorClass::kFatal;
}

StopReason stop_reason(std::string_view reason) noexcept {
  if (reason == "length") return StopReason::kLength;
  if (reason == "tool_calls" || reason == "function_call") return StopReason::kTools;
  if (reason == "content_filter") return StopReason::kFiltered;
  return StopReason::kEnd;
}

ModelEvent make_event(ModelEvent::Kind kind, RequestId id, Nanos request_ns, Nanos at) {
  ModelEvent event;
  event.kind = kind;
  event.id = id;
  event.request_ns = request_ns;
  event.at = at;
  return event;
}

}  // namespace

OpenAiModel::OpenAiModel(OpenAiOptions options, std::function<void()> wake)
    : options_(std::move(options)),
      endpoint_(endpoint_of(options_.url)),
      name_(options_.local           ? "llama-server"
            : options_.model.empty() ? "openai"
                                     : options_.model),
      client_(std::move(wake)) {}

std::string OpenAiModel::body_of(const Request& request) const {
  json::Writer out;
  out.begin_object();
  if (!options_.model.empty()) out.member("model", options_.model);
  write_messages(out, request);
  out.member("stream", true).key("stream_options").begin_object().member("include_usage", true).end_object();
  out.member("max_tokens", request.prefill ? 1 : request.max_tokens);
  out.member("temperature", request.temperature);
  write_tools(out, request.tools);
  if (request.no_calls && !request.tools.empty()) out.member("tool_choice", "none");
  if (!request.json_schema.empty()) {
    out.key("response_format").begin_object().member("type", "json_schema").key("json_schema");
    out.begin_object().member("name", "answer").member("strict", true);
    out.key("schema").raw(request.json_schema).end_object().end_object();
  }
  if (options_.local)
    out.member("cache_prompt", true).member("id_slot", request.lane == Lane::kVoice ? 0 : 1);
  return out.end_object().str();
}

RequestId OpenAiModel::start(const Request& request, Nanos now) {
  const RequestId id = ++last_id_;
  Call& call = calls_[id];
  call.body = body_of(request);
  call.prefill = request.prefill;
  call.give_up_at = now + (request.prefill ? kPrefillTimeout : options_.first_byte_timeout);
  call.back_off = kFirstBackOff;
  send(call, now);
  return id;
}

void OpenAiModel::send(Call& call, Nanos now) {
  http::Request request;
  request.url = endpoint_;
  request.unix_socket = options_.unix_socket;
  request.headers = {{"content-type", "application/json"}, {"accept", "text/event-stream"}};
  if (!options_.api_key.empty()) request.headers.emplace_back("authorization", "Bearer " + options_.api_key);
  request.body = call.body;
  request.first_byte_timeout_ms = std::max<Nanos>(call.give_up_at - now, kMillisecond) / kMillisecond;
  request.idle_timeout_ms = options_.idle_timeout / kMillisecond;
  call.next_try = 0;
  call.request_ns = now;
  call.transport = client_.start(std::move(request));
}

std::vector<ModelEvent> OpenAiModel::poll(Nanos now) {
  std::vector<ModelEvent> out;
  for (const http::Event& event : client_.poll()) on_transport(event, now, out);
  for (auto& [id, call] : calls_)
    if (call.next_try != 0 && call.next_try <= now) send(call, now);
  return out;
}

void OpenAiModel::cancel(RequestId id) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  client_.cancel(it->second.transport);
  calls_.erase(it);
}

Nanos OpenAiModel::next_deadline() const {
  Nanos deadline = kNever;
  for (const auto& [id, call] : calls_)
    if (call.next_try != 0) deadline = std::min(deadline, call.next_try);
  return deadline;
}

void OpenAiModel::on_transport(const http::Event& event, Nanos now, std::vector<ModelEvent>& out) {
  const auto it = std::find_if(calls_.begin(), calls_.end(),
                               [&](const auto& item) { return item.second.transport == event.id; });
  if (it == calls_.end()) return;
  Call& call = it->second;
  try {
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        return;
      case http::Event::Kind::kData:
        call.got_data = true;
        for (const http::SseEvent& sse : call.parser.push(event.data))
          if (!on_sse(it, sse, event.at, out)) return;
        return;
      case http::Event::Kind::kDone:
        for (const http::SseEvent& sse : call.parser.finish())
          if (!on_sse(it, sse, event.at, out)) return;
        return finish(it, event.at, out);
      case http::Event::Kind::kError:
        return on_failure(it, event, now, out);
    }
  } catch (const std::exception& error) {  // not JSON, or an event without end
    fail(it, http::ErrorClass::kFatal, endpoint_ + ": " + error.what(), event.at, out);
  }
}

void OpenAiModel::on_failure(Calls::iterator it, const http::Event& event, Nanos now,
                             std::vector<ModelEvent>& out) {
  Call& call = it->second;
  if (call.stopped) return finish(it, event.at, out);  // everything had come
  const bool passing =
      event.error_class == http::ErrorClass::kRetry || event.error_class == http::ErrorClass::kOverloaded;
  const Nanos wait = std::max(call.back_off, event.retry_after);
  if (!passing || call.got_data || wait > kMaxRetryAfter || now + wait >= call.give_up_at)
    return fail(it, event.error_class, event.message, event.at, out);
  call.transport = 0;
  call.next_try = now + wait;
  call.back_off = std::min(2 * call.back_off, kMaxBackOff);
  call.parser.reset();
}

bool OpenAiModel::on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at,
                         std::vector<ModelEvent>& out) {
  Call& call = it->second;
  if (event.data == "[DONE]") {
    call.stopped = true;
    return true;
  }
  const json::Document document = json::parse(call.split.protect(event.data));
  const json::View root = document.root();
  const json::View error = event.event == "error" && !root.get("error") ? root : root.get("error");
  if (error) {
    const std::string name = http::error_name(error.to_json());
    log_content("{}: {}", endpoint_, error.to_json());
    fail(it, classify_body(error),
         endpoint_ + ": the stream ends with an error" + (name.empty() ? "" : ": " + name), at, out);
    return false;
  }
  if (const json::View usage = root.get("usage")) {
    ModelEvent made = make_event(ModelEvent::Kind::kUsage, it->first, call.request_ns, at);
    made.usage.prompt_tokens = static_cast<std::uint32_t>(usage.get("prompt_tokens").as_int());
    made.usage.reply_tokens = static_cast<std::uint32_t>(usage.get("completion_tokens").as_int());
    made.usage.cached_tokens =
        static_cast<std::uint32_t>(usage.get("prompt_tokens_details").get("cached_tokens").as_int());
    out.push_back(std::move(made));
  }
  const json::View choice = root.get("choices").at(0);  // null when there is none: the usage chunk
  const json::View delta = choice.get("delta");
  if (std::string text = call.split.restore(delta.get("content").as_string());
      !text.empty() && !call.prefill) {
    ModelEvent made = make_event(ModelEvent::Kind::kText, it->first, call.request_ns, at);
    made.text = std::move(text);
    out.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < delta.get("tool_calls").size(); ++i)
    on_tool_delta(call, delta.get("tool_calls").at(i));
  if (const std::string_view reason = choice.get("finish_reason").as_string(); !reason.empty()) {
    call.stopped = true;
    call.stop = stop_reason(reason);
  }
  return true;
}

// Pieces belong together by index; a new id under a known index is a new call (servers that say 0 always).
void OpenAiModel::on_tool_delta(Call& call, json::View delta) {
  std::int64_t index = delta.get("index").as_int(call.tool_index < 0 ? 0 : call.tool_index);
  const std::string_view id = delta.get("id").as_string();
  if (const auto known = call.tools.find(index);
      known != call.tools.end() && !id.empty() && known->second.id != id)
    index = call.tools.rbegin()->first + (call.tools.rbegin()->second.id == id ? 0 : 1);
  call.tool_index = index;
  ToolCall& tool = call.tools[index];
  if (!id.empty()) tool.id = id;
  if (tool.id.empty()) tool.id = "call_" + std::to_string(index);
  const json::View function = delta.get("function");
  if (tool.name.empty()) tool.name = function.get("name").as_string();
  tool.arguments += function.get("arguments").as_string();
}

void OpenAiModel::finish(Calls::iterator it, Nanos at, std::vector<ModelEvent>& out) {
  Call& call = it->second;
  if (!call.stopped)
    return fail(it, http::ErrorClass::kRetry, endpoint_ + ": the stream ended before the answer did", at,
                out);
  for (auto& [index, tool] : call.tools) {
    ModelEvent made = make_event(ModelEvent::Kind::kToolCall, it->first, call.request_ns, at);
    made.call = std::move(tool);
    out.push_back(std::move(made));
  }
  ModelEvent done = make_event(ModelEvent::Kind::kDone, it->first, call.request_ns, at);
  const bool cut = call.stop == StopReason::kLength;  // perhaps within a call
  done.stop = call.tools.empty() || cut ? call.stop : StopReason::kTools;
  calls_.erase(it);
  out.push_back(std::move(done));
}

void OpenAiModel::fail(Calls::iterator it, http::ErrorClass error, const std::string& why, Nanos at,
                       std::vector<ModelEvent>& out) {
  client_.cancel(it->second.transport);
  ModelEvent made = make_event(ModelEvent::Kind::kError, it->first, it->second.request_ns, at);
  made.error = error;
  made.text = why;
  calls_.erase(it);
  out.push_back(std::move(made));
}

}  // namespace prot::brain
