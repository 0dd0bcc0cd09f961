#include "voices/elevenlabs_protocol.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.hpp"
#include "http/masking.hpp"
#include "http/url.hpp"
#include "json/json.hpp"
#include "text/base64.hpp"
#include "voices/service_failure.hpp"

namespace prot::tts::elevenlabs {
namespace {

struct Name {
  std::string_view part;
  VoiceError error;
};
// The first whose part stands in the name. Old and new interfaces have different names for the same.
constexpr auto kNames = std::to_array<Name>({
    {"quota", VoiceError::kQuota},
    {"payment", VoiceError::kQuota},
    {"api_key", VoiceError::kAuth},
    {"auth", VoiceError::kAuth},
    {"permission", VoiceError::kAuth},
    {"only_for", VoiceError::kAuth},
    {"terms", VoiceError::kAuth},
    {"concurrent", VoiceError::kRetry},
    {"rate_limit", VoiceError::kRetry},
    {"too_many", VoiceError::kRetry},
    {"voice", VoiceError::kFatal},
    {"unsupported", VoiceError::kFatal},
    {"invalid", VoiceError::kFatal},
    {"character_limit", VoiceError::kFatal},
    {"validation", VoiceError::kFatal},
});

std::string base_of(const ElevenLabsOptions& options) {
  const http::Url url = http::parse_url(options.url);
  if (url.is_exposed() && !options.plain_allowed)
    throw UsageError(
        "tts.elevenlabs_url: " + url.shown() +
        " would get what is said unencrypted; use https, or allow it with tts.plain_http = true");
  std::string base = url.shown();
  while (base.ends_with('/')) base.pop_back();
  return base;
}

std::string path_of(const ElevenLabsOptions& options) {
  return "/v1/text-to-speech/" + http::percent_encoded(options.voice_id);
}

// Some models refuse the parameter.
bool takes_language(std::string_view model) noexcept {
  return model.find("v2_5") != std::string_view::npos || model.find("v3") != std::string_view::npos;
}

void voice_settings(json::Writer& writer, const ElevenLabsOptions& options) {
  double stability = options.stability;
  if (options.model.find("v3") != std::string::npos)
    stability = std::round(stability * 2) / 2;  // it takes no other
  writer.key("voice_settings")
      .begin_object()
      .member("stability", stability)
      .member("similarity_boost", options.similarity)
      .member("style", options.style)
      .member("use_speaker_boost", true)
      .member("speed", options.speed)
      .end_object();
}

json::View first_of(json::View object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const json::View found = object.get(name)) return found;
  return {};
}

void read_alignment(json::View root, Chunk& chunk) {
  const json::View table = first_of(root, {"alignment", "normalizedAlignment", "normalized_alignment"});
  const json::View characters = first_of(table, {"chars", "characters"});
  const json::View starts = first_of(table, {"charStartTimesMs", "charsStartTimesMs", "char_start_times_ms"});
  const json::View durations = first_of(table, {"charDurationsMs", "charsDurationsMs", "char_durations_ms"});
  const json::View ends = table.get("character_end_times_seconds");
  for (std::size_t i = 0; i < characters.size(); ++i) {
    const double end =
        ends ? ends.at(i).as_double() * 1000 : starts.at(i).as_double() + durations.at(i).as_double();
    chunk.characters.push_back({std::string(characters.at(i).as_string()), std::max(0.0, end)});
  }
}

// Its text may quote a key, or what is said: only names get into messages. Forms:
// {"message":..,"error":CODE}, {"error":TEXT}, {"detail":{"code" or "status":..,"message":..}} or
// {"detail":TEXT}.
bool read_error(json::View root, std::string_view json, Chunk& chunk) {
  const json::View error = root.get("error");
  const json::View detail = root.get("detail");
  if (!error && !detail) return false;
  const std::string_view says = error.as_string();
  const std::string name = says.empty() ? http::error_name(json) : std::string(says);
  chunk.error = error_of(name);
  chunk.message = name.empty() || (!says.empty() && !http::is_plain_name(says)) ? "an error" : name;
  return true;
}

}  // namespace

bool has_sockets(std::string_view model) noexcept { return model.find("v3") == std::string_view::npos; }

std::string socket_url(const ElevenLabsOptions& options) {
  std::string url = base_of(options) + path_of(options) +
                    "/multi-stream-input?model_id=" + http::percent_encoded(options.model) +
                    "&output_format=pcm_" + std::to_string(options.rate) +
                    "&inactivity_timeout=180&sync_alignment=true&auto_mode=true&apply_text_normalization=" +
                    options.normalization;
  if (takes_language(options.model)) url += "&language_code=" + http::percent_encoded(options.language);
  return url;
}

std::string stream_url(const ElevenLabsOptions& options) {
  return base_of(options) + path_of(options) + "/stream/with-timestamps?output_format=pcm_" +
         std::to_string(options.rate);
}

std::string models_url(const ElevenLabsOptions& options) {
  const http::Url url = http::parse_url(base_of(options));
  return (url.is_encrypted() ? "https://" : "http://") + url.authority() + "/v1/models";
}

std::string open_message(const ElevenLabsOptions& options, std::string_view context) {
  json::Writer writer;
  writer.begin_object().member("text", " ").member("context_id", context);
  voice_settings(writer, options);
  return writer.end_object().str();
}

std::string text_message(std::string_view text, std::string_view context) {
  json::Writer writer;
  writer.begin_object()
      .member("text", std::string(text) + " ")
      .member("context_id", context)
      .member("flush", true)
      .end_object();
  return writer.str();
}

std::string close_message(std::string_view context) {
  json::Writer writer;
  writer.begin_object().member("context_id", context).member("close_context", true).end_object();
  return writer.str();
}

std::string request_body(const ElevenLabsOptions& options, std::string_view text) {
  json::Writer writer;
  writer.begin_object().member("text", text).member("model_id", options.model);
  if (takes_language(options.model)) writer.member("language_code", options.language);
  voice_settings(writer, options);
  writer.member("apply_text_normalization", options.normalization);
  return writer.end_object().str();
}

Chunk parse(std::string_view json) {
  Chunk chunk;
  try {
    const json::Document document = json::parse(json);
    const json::View root = document.root();
    chunk.context = first_of(root, {"contextId", "context_id"}).as_string();
    if (!root.is_object()) throw Error("no JSON object");
    if (read_error(root, json, chunk)) return chunk;
    chunk.final = first_of(root, {"isFinal", "is_final"}).as_bool();
    const std::string_view audio = first_of(root, {"audio", "audio_base64"}).as_string();
    std::optional<std::string> bytes = text::from_base64(audio);
    if (!bytes) throw Error("the audio is no base64");
    chunk.audio = std::move(*bytes);
    read_alignment(root, chunk);
  } catch (const Error& error) {
    chunk.error = VoiceError::kRetry;
    chunk.message = error.what();
  }
  return chunk;
}

VoiceError error_of(std::string_view name) noexcept {
  for (const Name& known : kNames)
    if (name.find(known.part) != std::string_view::npos) return known.error;
  return VoiceError::kRetry;
}

VoiceError error_of(http::ErrorClass error_class, std::string_view body) {
  // A plan that is used up comes as 401 too.
  if (const std::string name = http::error_name(body); name.find("quota") != std::string::npos)
    return VoiceError::kQuota;
  return failure_of(error_class);
}

}  // namespace prot::tts::elevenlabs
