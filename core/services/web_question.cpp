#include "services/web_question.hpp"

#include <algorithm>
#include <semaphore>
#include <utility>

#include "audio/wav_head.hpp"
#include "base/error.hpp"
#include "http/client.hpp"
#include "http/sse_parser.hpp"
#include "http/url.hpp"
#include "json/json.hpp"

namespace prot::services {
namespace {

constexpr std::int64_t kLoadingMs = 20'000;   // a server on this machine may have to load its model first
constexpr std::size_t kMostBody = 4U << 20U;  // more than any answer to so small a question
constexpr std::uint32_t kRate = 16'000;

std::string in_brackets(const std::string& name) { return name.empty() ? "" : " (" + name + ")"; }

// An error that came with status 200, as some servers send it.
Answer judge_hidden_error(std::string_view body) {
  const std::string name = http::error_name(body);
  const auto says = [&](std::string_view word) { return name.find(word) != std::string::npos; };
  const std::string why = "an error under HTTP 200" + in_brackets(name);
  if (says("rate_limit") || says("overloaded") || says("too_many") || says("unavailable"))
    return {State::kBusy, 0, why};
  const bool key = says("auth") || says("api_key");
  const State state = state_of(0, body, key ? http::ErrorClass::kAuth : http::ErrorClass::kFatal);
  return {state == State::kRefused ? State::kFailed : state, 0, why};
}

Answer judge_failure(const http::Event& event) {
  if (event.status == 0) return {State::kUnreachable, 0, event.message};
  if (event.status < 400) return {State::kFailed, 0, event.message};
  return {state_of(event.status, event.data, event.error_class), 0,
          "HTTP " + std::to_string(event.status) + in_brackets(http::error_name(event.data))};
}

// Half a second of silence, one channel, 16 bit.
std::string silent_wav() { return audio::wav_head({kRate, 1}, kRate) + std::string(kRate, '\0'); }

void add_bearer(http::Request& request, const std::string& key) {
  if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
}

std::string small_question(const Service& service, std::string_view limit, int tokens) {
  json::Writer out;
  out.begin_object().member("model", service.model).member(limit, tokens).member("stream", true);
  out.key("messages").begin_array().begin_object().member("role", "user").member("content", "Hi");
  return out.end_object().end_array().end_object().str();
}

std::string without_tail(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Judge expect_member(std::string name) {
  return [name = std::move(name)](const std::string& body) -> Answer {
    if (body.empty()) return {State::kMalformed, 0, "an empty answer"};
    try {
      const json::Document document = json::parse(body);
      if (document.get(name)) return {State::kOk};
      if (document.get("error") || document.get("detail")) return judge_hidden_error(body);
    } catch (const Error&) {
      return {State::kMalformed, 0, "no JSON"};
    }
    return {State::kMalformed, 0, "there is no \"" + name + "\" in it"};
  };
}

Judge expect_event(std::string name) {
  return [name = std::move(name)](const std::string& body) -> Answer {
    if (body.empty()) return {State::kMalformed, 0, "an empty answer"};
    if (body.starts_with('{')) return expect_member(name)(body);  // all at once, or an error
    http::SseParser parser(kMostBody);
    bool found = false;
    std::vector<http::SseEvent> events = parser.push(body);
    for (http::SseEvent& event : parser.finish()) events.push_back(std::move(event));
    for (const http::SseEvent& event : events) {
      if (event.data == "[DONE]") continue;
      try {
        const json::Document document = json::parse(event.data);
        if (document.get("error") || event.event == "error") return judge_hidden_error(event.data);
        found = found || document.get(name) || document.get("type").as_string() == name;
      } catch (const Error&) {
        return {State::kMalformed, 0, "an event that is no JSON"};
      }
    }
    return found ? Answer{} : Answer{State::kMalformed, 0, "there is no \"" + name + "\" in it"};
  };
}

Answer ask_web(http::Request request, const Judge& judge, std::int64_t limit_ms) {
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = limit_ms;
  std::counting_semaphore<> news(0);
  http::Client client([&] { news.release(); });
  const Nanos begin = monotonic_now();
  client.start(std::move(request));
  std::string body;
  Nanos first_byte = 0;
  while (true) {
    news.acquire();
    for (const http::Event& event : client.poll()) {
      if (event.kind == http::Event::Kind::kStatus) continue;  // headers alone are no answer
      if (first_byte == 0 && (event.kind != http::Event::Kind::kError || event.status >= 400))
        first_byte = event.at - begin;
      if (event.kind == http::Event::Kind::kData) {
        body += event.data;
        if (body.size() > kMostBody) return {State::kMalformed, first_byte, "an answer without end"};
        continue;
      }
      Answer answer = event.kind == http::Event::Kind::kError ? judge_failure(event) : judge(body);
      answer.first_byte = first_byte;
      return answer;
    }
  }
}

Answer ask_anthropic(const stage::CheckContext& /*context*/, const Service& service, const std::string& key) {
  http::Request request;
  request.url = http::service_url(service.url, "/messages");
  request.headers = {{"content-type", "application/json"}, {"anthropic-version", "2023-06-01"}};
  if (!key.empty()) request.headers.emplace_back("x-api-key", key);
  request.body = small_question(service, "max_tokens", 1);
  return ask_web(std::move(request), expect_event("message_stop"));
}

Answer ask_chat(const stage::CheckContext& /*context*/, const Service& service, const std::string& key) {
  http::Request request;
  request.url = http::service_url(service.url, "/chat/completions");
  request.headers = {{"content-type", "application/json"}};
  add_bearer(request, key);
  // OpenAI's newer models know the limit by another name, and think before they speak.
  const bool own = http::parse_url(service.url).host == "api.openai.com";
  request.body =
      own ? small_question(service, "max_completion_tokens", 16) : small_question(service, "max_tokens", 1);
  const bool here = http::is_loopback(service.url);
  return here ? ask_web(std::move(request), expect_event("choices"), kLoadingMs)
              : ask_web(std::move(request), expect_event("choices"));
}

Answer ask_transcription(const stage::CheckContext& /*context*/, const Service& service,
                         const std::string& key) {
  const std::string boundary = "prot-3f1c8a52e07b";
  const auto part = [&](std::string_view head, std::string_view content) {
    return "--" + boundary + "\r\nContent-Disposition: form-data; " + std::string(head) + "\r\n\r\n" +
           std::string(content) + "\r\n";
  };
  http::Request request;
  const std::string base = without_tail(service.url);
  request.url = base.ends_with("/audio/transcriptions") || base.ends_with("/inference")
                    ? base
                    : http::service_url(base, "/audio/transcriptions");
  request.headers = {{"content-type", "multipart/form-data; boundary=" + boundary}};
  add_bearer(request, key);
  request.body = part("name=\"file\"; filename=\"silence.wav\"\r\nContent-Type: audio/wav", silent_wav()) +
                 part("name=\"model\"", service.model) + part("name=\"response_format\"", "json") + "--" +
                 boundary + "--\r\n";
  return ask_web(std::move(request), expect_member("text"));
}

Answer ask_elevenlabs_voice(const stage::CheckContext& context, const Service& service,
                            const std::string& key) {
  const std::string& voice = context.config.get_string("tts.elevenlabs_voice");
  if (voice.empty()) return {State::kRefused, 0, "tts.elevenlabs_voice (ELEVENLABS_VOICE_ID) is empty"};
  const http::Url url = http::parse_url(service.url);
  http::Request request;
  request.url = (url.is_encrypted() ? "https://" : "http://") + url.authority() + "/v1/text-to-speech/" +
                http::percent_encoded(voice) +
                "/stream/with-timestamps?output_format=" + context.config.get_string("tts.elevenlabs_format");
  request.headers = {{"content-type", "application/json"}, {"xi-api-key", key}};
  json::Writer text;
  request.body = text.begin_object().member("text", "a").member("model_id", service.model).end_object().str();
  return ask_web(std::move(request), [](const std::string& lines) {  // the first of them has sound
    const std::size_t begin = std::min(lines.find_first_not_of("\r\n"), lines.size());
    return expect_member("audio_base64")(lines.substr(begin, lines.find('\n', begin) - begin));
  });
}

// One letter, whose sound is all that may come.
Answer ask_openai_speech(const stage::CheckContext& context, const Service& service, const std::string& key) {
  const stage::Config& config = context.config;
  const bool english =
      config.get_string("tts.voice_ko") != "openai" || config.get_string("tts.voice_en") == "openai";
  http::Request request;
  const std::string base = without_tail(service.url);
  request.url = base.ends_with("/audio/speech") ? base : http::service_url(base, "/audio/speech");
  request.headers = {{"content-type", "application/json"}};
  add_bearer(request, key);
  json::Writer text;
  request.body =
      text.begin_object()
          .member("model", service.model)
          .member("input", "a")
          .member("voice", config.get_string(english ? "tts.openai_voice_en" : "tts.openai_voice_ko"))
          .member("response_format", config.get_string("tts.openai_format"))
          .end_object()
          .str();
  return ask_web(std::move(request), [](const std::string& body) -> Answer {
    if (body.empty()) return {State::kMalformed, 0, "an empty answer"};
    if (body.starts_with('{')) return judge_hidden_error(body);
    if (body.starts_with('<')) return {State::kMalformed, 0, "no sound"};
    return {State::kOk};
  });
}

Answer ask_home_assistant(const stage::CheckContext& /*context*/, const Service& service,
                          const std::string& key) {
  http::Request request;
  request.method = "GET";
  request.url = without_tail(service.url) + "/api/";
  add_bearer(request, key);
  request.ca_file = service.ca_file;
  return ask_web(std::move(request), expect_member("message"));
}

}  // namespace prot::services
