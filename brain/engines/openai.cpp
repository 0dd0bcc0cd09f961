#include "engines/openai.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"

namespace prot::brain {
namespace {

using http::ErrorClass;

constexpr Nanos kFirstBackOff = 100 * kMillisecond;
constexpr Nanos kMaxBackOff = kSecond;
constexpr Nanos kPrefillTimeout = 60 * kSecond;  // nobody waits for it; a cold start takes its time
constexpr Nanos kMaxRetryAfter = 2 * kSecond;    // a person waits: longer is a failure
constexpr std::size_t kLargestObject = 1U << 20U;

std::string endpoint_of(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  if (!url.ends_with("/v1")) url += "/v1";
  return url + "/chat/completions";
}

bool passes(ErrorClass error) noexcept {
  return error == ErrorClass::kRetry || error == ErrorClass::kOverloaded;
}

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

ModelEvent make_event(ModelEvent::Kind kind, RequestId id, Nanos request_ns, Nanos at) {
  ModelEvent event;
  event.kind = kind;
  event.id = id;
  event.request_ns = request_ns;
  event.at = at;
  return event;
}

// Events of a kind that nobody knows may hold anything.
bool is_unknown(const http::SseEvent& event) {
  return !event.event.empty() && event.event != "message" && event.event != "error";
}

}  // namespace

OpenAiModel::OpenAiModel(OpenAiOptions options, std::function<void()> wake)
    : options_(std::move(options)),
      endpoint_(endpoint_of(options_.url)),
      name_(options_.local           ? "llama-server"
            : options_.model.empty() ? "openai"
                                     : options_.model),
      client_(std::move(wake)) {}

RequestId OpenAiModel::start(const Request& request, Nanos now) {
  const RequestId id = ++last_id_;
  Call& call = calls_[id];
  call.body = body_of(request);
  call.prefill = request.prefill;
  const Nanos own = request.prefill ? kPrefillTimeout : options_.first_byte_timeout;
  call.give_up_at = now + (request.first_event_limit > 0 ? std::min(own, request.first_event_limit) : own);
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
  request.connect_timeout_ms = std::min(request.connect_timeout_ms, request.first_byte_timeout_ms);
  request.idle_timeout_ms = options_.idle_timeout / kMillisecond;
  call.parser.reset();
  call.split = {};
  call.object.clear();
  call.is_object = call.stopped = false;
  call.tools.clear();
  call.tool_index = -1;
  call.next_try = 0;
  call.silent_until = call.give_up_at;
  call.request_ns = now;
  ++call.attempts;
  call.transport = client_.start(std::move(request));
}

std::vector<ModelEvent> OpenAiModel::poll(Nanos now) {
  Out out;
  for (const http::Event& event : client_.poll()) on_transport(event, now, out);
  std::vector<RequestId> silent;
  for (auto& [id, call] : calls_) {
    if (call.next_try == 0 && call.silent_until <= now) silent.push_back(id);
    if (call.next_try != 0 && call.next_try <= now) send(call, now);
  }
  for (const RequestId id : silent) on_silence(id, now, out);
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
    deadline = std::min(deadline, call.next_try != 0 ? call.next_try : call.silent_until);
  return deadline;
}

void OpenAiModel::on_transport(const http::Event& event, Nanos now, Out& out) {
  const auto it = std::find_if(calls_.begin(), calls_.end(),
                               [&](const auto& item) { return item.second.transport == event.id; });
  if (it == calls_.end()) return;
  try {
    switch (event.kind) {
      case http::Event::Kind::kStatus:
        return on_status(it->second, event);
      case http::Event::Kind::kData:
        return static_cast<void>(on_data(it, event, now, out));
      case http::Event::Kind::kDone:
        return on_end(it, event.at, now, out);
      case http::Event::Kind::kError: {
        // Too many requests is no fault of the network: the person is to hear that it is busy.
        const bool limited = event.status == 429 && event.error_class == ErrorClass::kRetry;
        return on_failure(
            it, {limited ? ErrorClass::kOverloaded : event.error_class, event.message, event.retry_after},
            event.at, now, out);
      }
    }
  } catch (const std::exception& error) {  // not JSON, or an event without end
    fail(it, ErrorClass::kFatal, endpoint_ + ": " + error.what(), event.at, out);
  }
}

void OpenAiModel::on_status(Call& call, const http::Event& event) {
  for (const auto& [name, value] : event.headers)
    if (name == "content-type") call.is_object = value.starts_with("application/json");
}

bool OpenAiModel::on_data(Calls::iterator it, const http::Event& event, Nanos now, Out& out) {
  Call& call = it->second;
  if (call.is_object) {
    call.silent_until = now + options_.idle_timeout;
    if (call.object.size() + event.data.size() > kLargestObject) throw Error("the answer is too long");
    call.object += event.data;
    return true;
  }
  for (const http::SseEvent& sse : call.parser.push(event.data))
    if (!on_sse(it, sse, event.at, now, out)) return false;
  return true;
}

void OpenAiModel::on_end(Calls::iterator it, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (call.is_object && !call.object.empty()) {
    if (!on_sse(it, {{}, std::exchange(call.object, {}), {}}, at, now, out)) return;
  }
  for (const http::SseEvent& sse : call.parser.finish())
    if (!on_sse(it, sse, at, now, out)) return;
  finish(it, at, now, out);
}

void OpenAiModel::on_silence(RequestId id, Nanos now, Out& out) {
  const auto it = calls_.find(id);
  if (it == calls_.end()) return;
  client_.cancel(it->second.transport);
  on_failure(it, {ErrorClass::kRetry, endpoint_ + ": it is silent", 0}, now, now, out);
}

void OpenAiModel::on_failure(Calls::iterator it, const Failure& failure, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (call.stopped) {  // everything had come
    client_.cancel(call.transport);
    return finish(it, at, now, out);
  }
  const Nanos wait = std::max(call.back_off, failure.retry_after);
  const bool again = passes(failure.error) && !call.useful && wait <= kMaxRetryAfter &&
                     now + wait < call.give_up_at &&
                     (options_.attempts == 0 || call.attempts < options_.attempts);
  if (!again) return fail(it, failure.error, failure.why, at, out);
  client_.cancel(call.transport);
  call.transport = 0;
  call.next_try = now + wait;
  call.back_off = std::min(2 * call.back_off, kMaxBackOff);
}

bool OpenAiModel::on_sse(Calls::iterator it, const http::SseEvent& event, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  call.silent_until = now + options_.idle_timeout;
  if (event.data == "[DONE]") {
    call.stopped = true;
    finish(it, at, now, out);
    return false;
  }
  json::Document document;
  try {
    document = json::parse(call.split.protect(event.data));
  } catch (const Error&) {
    if (is_unknown(event)) return true;
    throw;
  }
  const json::View root = document.root();
  const json::View error = event.event == "error" && !root.get("error") ? root : root.get("error");
  if (error) {
    const std::string name = http::error_name(error.to_json());
    log_content("{}: {}", endpoint_, error.to_json());
    on_failure(it,
               {classify_body(error),
                endpoint_ + ": the stream ends with an error" + (name.empty() ? "" : ": " + name), 0},
               at, now, out);
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
  const json::View whole = choice.get("message");       // of a server that does not stream
  const json::View delta = whole ? whole : choice.get("delta");
  if (std::string text = call.split.restore(delta.get("content").as_string());
      !text.empty() && !call.prefill) {
    ModelEvent made = make_event(ModelEvent::Kind::kText, it->first, call.request_ns, at);
    made.text = std::move(text);
    call.useful = true;
    out.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < delta.get("tool_calls").size(); ++i)
    on_tool_delta(call, delta.get("tool_calls").at(i));
  if (const std::string_view reason = choice.get("finish_reason").as_string(); !reason.empty() || whole) {
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

void OpenAiModel::finish(Calls::iterator it, Nanos at, Nanos now, Out& out) {
  Call& call = it->second;
  if (!call.stopped)
    return on_failure(it, {ErrorClass::kRetry, endpoint_ + ": the stream ended before the answer did", 0}, at,
                      now, out);
  for (auto& [index, tool] : call.tools) {
    ModelEvent made = make_event(ModelEvent::Kind::kToolCall, it->first, call.request_ns, at);
    made.call = std::move(tool);
    out.push_back(std::move(made));
  }
  ModelEvent done = make_event(ModelEvent::Kind::kDone, it->first, call.request_ns, at);
  const bool cut = call.stop == StopReason::kLength;  // perhaps within a call
  done.stop = call.tools.empty() || cut ? call.stop : StopReason::kTools;
  calls_.erase(it);  // the transport is let run out: its connection serves the next request
  out.push_back(std::move(done));
}

void OpenAiModel::fail(Calls::iterator it, ErrorClass error, const std::string& why, Nanos at, Out& out) {
  client_.cancel(it->second.transport);
  ModelEvent made = make_event(ModelEvent::Kind::kError, it->first, it->second.request_ns, at);
  made.error = error;
  made.text = why;
  calls_.erase(it);
  out.push_back(std::move(made));
}

}  // namespace prot::brain
