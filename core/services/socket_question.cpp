#include "services/socket_question.hpp"

#include <chrono>
#include <semaphore>
#include <utility>

#include "base/error.hpp"
#include "http/url.hpp"
#include "http/web_socket.hpp"
#include "json/json.hpp"

namespace prot::services {
namespace {

constexpr std::int64_t kLimitMs = 5'000;
constexpr std::string_view kPath = "/v1/speech-to-text/realtime";

std::string session_url(const Service& service) {
  std::string address = http::parse_url(service.url).shown();
  while (address.ends_with('/')) address.pop_back();
  if (!address.ends_with(kPath)) address += kPath;
  return address + "?model_id=" + http::percent_encoded(service.model) +
         "&commit_strategy=manual&audio_format=pcm_16000";
}

// {"message_type":"quota_exceeded","error":"..."}; the code may stand in "error" instead.
Answer judge_message(std::string_view text, Nanos first_byte) {
  json::Document document;
  try {
    document = json::parse(text);
  } catch (const Error&) {
    return {State::kMalformed, first_byte};
  }
  const std::string type(document.get("message_type").as_string());
  if (type == "session_started") return {State::kOk, first_byte};
  const std::string code =
      type == "error" ? type + " " + std::string(document.get("error").as_string()) : type;
  const auto says = [&](std::string_view word) { return code.find(word) != std::string::npos; };
  const std::string why = http::error_name("{\"type\":" + json::escape(type) + "}");
  if (says("auth_error"))  // its text alone tells why
    return {state_of(0, document.get("error").as_string(), http::ErrorClass::kAuth), first_byte, why};
  if (says("rate_limited") || says("resource_exhausted") || says("queue_overflow"))
    return {State::kBusy, first_byte, why};
  if (says("quota_exceeded")) return {State::kPlanLimit, first_byte, why};
  if (says("unaccepted_terms")) return {State::kForbidden, first_byte, why};
  if (says("transcriber_error")) return {State::kFailed, first_byte, why};
  if (says("invalid_request") || says("input_error")) return {State::kRefused, first_byte, why};
  return {State::kMalformed, first_byte, why};
}

Answer judge_end(const http::SocketEvent& event, Nanos first_byte) {
  if (event.status == 0) return {State::kUnreachable, 0, event.message};
  const std::string name = http::error_name(event.data);
  if (event.status < 400) return {State::kMalformed, first_byte, "no WebSocket"};
  return {state_of(event.status, event.data, event.error_class), first_byte,
          "HTTP " + std::to_string(event.status) + (name.empty() ? "" : " (" + name + ")")};
}

}  // namespace

Answer greet_elevenlabs_realtime(const stage::CheckContext& context, const Service& service,
                                 const std::string& key) {
  http::SocketRequest request;
  request.url = session_url(service);
  request.headers = {{"xi-api-key", key}};
  request.plain_allowed = context.config.get_bool("stt.plain_http");
  request.connect_timeout_ms = request.handshake_timeout_ms = request.idle_timeout_ms = kLimitMs;
  std::counting_semaphore<> news(0);
  http::WebSocketClient client([&] { news.release(); });
  const Nanos begin = monotonic_now();
  const Nanos until = begin + kLimitMs * kMillisecond;
  const http::SocketId id = client.open(std::move(request));
  for (Nanos now = begin; now < until; now = monotonic_now()) {
    if (!news.try_acquire_for(std::chrono::nanoseconds(until - now))) break;
    for (const http::SocketEvent& event : client.poll()) {
      const Nanos first_byte = event.at - begin;
      switch (event.kind) {
        case http::SocketEvent::Kind::kOpen:
          break;
        case http::SocketEvent::Kind::kText: {
          Answer answer = judge_message(event.data, first_byte);
          if (answer.state == State::kMalformed && event.data.find("\"error\"") == std::string::npos)
            break;  // what nobody knows may come before it
          client.close(id);
          return answer;
        }
        case http::SocketEvent::Kind::kBinary:
          return {State::kMalformed, first_byte};
        case http::SocketEvent::Kind::kClosed:
          return {State::kMalformed, first_byte, "it closed with " + std::to_string(event.close_code)};
        case http::SocketEvent::Kind::kError:
          return judge_end(event, first_byte);
      }
    }
  }
  client.close(id);
  return {State::kUnreachable, 0, "nothing within " + std::to_string(kLimitMs) + " ms"};
}

}  // namespace prot::services
