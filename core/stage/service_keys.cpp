#include "stage/service_keys.hpp"

namespace prot::stage {
namespace {

struct Service {
  std::string_view engine;
  std::string_view key_name;
  std::string_view url;
  std::string_view model;
};
constexpr Service kServices[] = {
    {"openai", "OPENAI_API_KEY", "", "whisper-1"},
    {"elevenlabs", "ELEVENLABS_API_KEY", "https://api.elevenlabs.io", "scribe_v2_realtime"},
    {"wyoming", "", "tcp://127.0.0.1:10300", ""},
};

std::string chosen(const Config& config, std::string_view key, std::string_view Service::*own) {
  const std::string& engine = config.get_string("stt.engine");
  for (const Service& service : kServices) {
    if (service.engine != engine) continue;
    const std::string& configured = config.get_string(key);
    return configured.empty() ? std::string(service.*own) : configured;
  }
  return {};
}

}  // namespace

RecognizerSpec usual_recognizer(const std::string& engine) {
  for (const Service& service : kServices)
    if (service.engine == engine)
      return {engine, std::string(service.url), std::string(service.model), std::string(service.key_name)};
  return {engine, {}, {}, {}};
}

std::string recognizer_key_name(const Config& config) {
  return chosen(config, "stt.api_key_env", &Service::key_name);
}
std::string recognizer_url(const Config& config) { return chosen(config, "stt.url", &Service::url); }
std::string recognizer_model_name(const Config& config) {
  return chosen(config, "stt.model_name", &Service::model);
}

std::string voice_key_name(const Config& config) {
  for (const char* key : {"tts.voice_en", "tts.voice_ko", "tts.fallback_en", "tts.fallback_ko"})
    if (config.get_string(key) == "openai") return config.get_string("tts.openai_api_key_env");
  return {};
}

}  // namespace prot::stage
