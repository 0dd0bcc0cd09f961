#include "service_check.hpp"

#include <cstdlib>

#include "base/error.hpp"
#include "http/fetch.hpp"
#include "http/url.hpp"
#include "voices/elevenlabs_protocol.hpp"
#include "wyoming/describe.hpp"

namespace prot::tts {
namespace {

constexpr std::int64_t kLimitMs = 3'000;

std::string key_of(const std::string& name) {
  const char* key = std::getenv(name.c_str());
  return key == nullptr ? "" : key;
}

// Any answer shows that the service is there.
stage::Finding ask(const std::string& what, const std::string& name, http::Request request,
                   const std::string& key_name, const std::string& url_key) {
  request.method = "GET";
  request.connect_timeout_ms = request.first_byte_timeout_ms = request.total_timeout_ms = kLimitMs;
  const Nanos before = monotonic_now();
  try {
    static_cast<void>(http::fetch(request));
  } catch (const http::RequestError& error) {
    if (error.error_class() == http::ErrorClass::kAuth)
      return {stage::Verdict::kFail, what, error.what(), "check the key in " + key_name};
    if (error.status() == 0)
      return {stage::Verdict::kFail, what, error.what(), "check the network, and " + url_key};
  }
  return {stage::Verdict::kOk, what,
          name + " answers after " + std::to_string((monotonic_now() - before) / kMillisecond) + " ms"};
}

stage::Finding check_elevenlabs(const std::string& what, const std::string& language,
                                const stage::Config& config) {
  http::Request request;
  try {
    request.url = elevenlabs::models_url(elevenlabs_options(config, language));
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "set tts.elevenlabs_voice, or ELEVENLABS_VOICE_ID"};
  }
  const std::string key = key_of(std::string(kElevenLabsKey));
  if (key.empty())
    return {stage::Verdict::kFail, what, "elevenlabs has no key", "set " + std::string(kElevenLabsKey)};
  request.headers = {{"xi-api-key", key}};
  return ask(what, "elevenlabs", std::move(request), std::string(kElevenLabsKey), "tts.elevenlabs_url");
}

stage::Finding check_openai(const std::string& what, const std::string& language,
                            const stage::Config& config) {
  const std::string& key_name = config.get_string("tts.openai_api_key_env");
  http::Request request;
  try {
    request.url = openai_voice_options(config, language).url;
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "set tts.openai_url"};
  }
  const std::string key = key_of(key_name);
  if (key.empty() && http::parse_url(request.url).is_encrypted())
    return {stage::Verdict::kFail, what, "openai has no key", "set " + key_name};
  if (!key.empty()) request.headers = {{"authorization", "Bearer " + key}};
  return ask(what, "openai", std::move(request), key_name, "tts.openai_url");
}

stage::Finding check_wyoming(const std::string& what, const std::string& language,
                             const stage::Config& config) {
  try {
    const WyomingOptions options = wyoming_options(config, language);
    const wyoming::Event info = wyoming::describe(options.address, kLimitMs);
    const json::View programs = info.get("tts");
    bool found = options.voice.empty();
    for (std::size_t i = 0; i < programs.size(); ++i) {
      const json::View voices = programs.at(i).get("voices");
      for (std::size_t k = 0; k < voices.size(); ++k)
        found = found || voices.at(k).get("name").as_string() == options.voice;
    }
    if (programs.size() == 0)
      return {stage::Verdict::kFail, what, options.address.shown + " does not speak",
              "set tts.wyoming_url to one that does"};
    if (!found)
      return {stage::Verdict::kFail, what, options.address.shown + " has no voice '" + options.voice + "'",
              "set tts.wyoming_voice_" + language};
    return {stage::Verdict::kOk, what,
            options.address.shown + ", " + std::string(programs.at(0).get("name").as_string("wyoming"))};
  } catch (const UsageError& error) {
    return {stage::Verdict::kFail, what, error.what(), "set tts.wyoming_url"};
  } catch (const Error& error) {
    return {stage::Verdict::kFail, what, error.what(), "check tts.wyoming_url and that the server runs"};
  }
}

}  // namespace

std::optional<stage::Finding> check_service(const std::string& name, const std::string& what,
                                            const std::string& language, const stage::Config& config) {
  if (name == kElevenLabs) return check_elevenlabs(what, language, config);
  if (name == kOpenAi) return check_openai(what, language, config);
  if (name == kWyoming) return check_wyoming(what, language, config);
  return std::nullopt;
}

ElevenLabsOptions elevenlabs_options(const stage::Config& config, const std::string& language) {
  ElevenLabsOptions options;
  options.voice_id = config.get_string("tts.elevenlabs_voice");
  if (options.voice_id.empty())
    throw Error("tts.elevenlabs_voice is empty: there is no voice to speak with", 78);
  if (const std::string& url = config.get_string("tts.elevenlabs_url"); !url.empty()) options.url = url;
  options.model = config.get_string("tts.elevenlabs_model");
  options.language = language;
  options.rate = static_cast<unsigned>(std::stoul(config.get_string("tts.elevenlabs_format").substr(4)));
  options.transport = config.get_string("tts.elevenlabs_transport");
  options.normalization = config.get_string("tts.elevenlabs_normalization");
  options.stability = config.get_double("tts.elevenlabs_stability");
  options.similarity = config.get_double("tts.elevenlabs_similarity");
  options.style = config.get_double("tts.elevenlabs_style");
  options.speed = config.get_double("tts.elevenlabs_speed");
  options.plain_allowed = config.get_bool("tts.plain_http");
  options.connect_timeout = config.get_int("tts.connect_timeout_ms") * kMillisecond;
  options.timeout = config.get_int("tts.elevenlabs_timeout_ms") * kMillisecond;
  return options;
}

OpenAiVoiceOptions openai_voice_options(const stage::Config& config, const std::string& language) {
  OpenAiVoiceOptions options;
  options.url = speech_endpoint(config.get_string("tts.openai_url"), config.get_bool("tts.plain_http"));
  options.model = config.get_string("tts.openai_model");
  options.voice = config.get_string("tts.openai_voice_" + language);
  options.format = config.get_string("tts.openai_format");
  options.instructions = config.get_string("tts.openai_instructions");
  options.rate = static_cast<unsigned>(config.get_int("tts.openai_rate_hz"));
  options.speed = config.get_double("tts.openai_speed");
  options.connect_timeout = config.get_int("tts.connect_timeout_ms") * kMillisecond;
  options.timeout = config.get_int("tts.openai_timeout_ms") * kMillisecond;
  return options;
}

WyomingOptions wyoming_options(const stage::Config& config, const std::string& language) {
  WyomingOptions options;
  options.address =
      wyoming_voice_address(config.get_string("tts.wyoming_url"), config.get_bool("tts.plain_http"));
  options.voice = config.get_string("tts.wyoming_voice_" + language);
  options.language = language;
  options.connect_timeout = config.get_int("tts.connect_timeout_ms") * kMillisecond;
  options.timeout = config.get_int("tts.wyoming_timeout_ms") * kMillisecond;
  return options;
}

}  // namespace prot::tts
