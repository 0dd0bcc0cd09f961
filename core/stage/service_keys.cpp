#include "stage/service_keys.hpp"

#include <algorithm>

#include "stage/service_table.hpp"

namespace prot::stage {
namespace {

std::string chosen(const Config& config, std::string_view key, std::string_view ServiceRow::*own) {
  const ServiceRow* service = find_service("stt", config.get_string("stt.engine"));
  if (service == nullptr) return {};
  const std::string& configured = config.get_string(key);
  return configured.empty() ? std::string(service->*own) : configured;
}

}  // namespace

RecognizerSpec usual_recognizer(const std::string& engine) {
  const ServiceRow* service = find_service("stt", engine);
  if (service == nullptr) return {engine, {}, {}, {}};
  return {engine, std::string(service->own_url), std::string(service->own_model),
          std::string(service->own_key_name)};
}

std::string recognizer_key_name(const Config& config) {
  return chosen(config, "stt.api_key_env", &ServiceRow::own_key_name);
}
std::string recognizer_url(const Config& config) { return chosen(config, "stt.url", &ServiceRow::own_url); }
std::string recognizer_model_name(const Config& config) {
  return chosen(config, "stt.model_name", &ServiceRow::own_model);
}

std::string voice_key_name(const Config& config) {
  for (const std::string language : {"en", "ko"}) {
    std::vector<std::string> voices = config.get_list("tts.fallback_" + language);
    voices.push_back(config.get_string("tts.voice_" + language));
    if (std::find(voices.begin(), voices.end(), "openai") != voices.end())
      return config.get_string("tts.openai_api_key_env");
  }
  return {};
}

}  // namespace prot::stage
