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

std::string recognizer_key_name(const Config& config) {
  return chosen(config, "stt.api_key_env", &Service::key_name);
}
std::string recognizer_url(const Config& config) { return chosen(config, "stt.url", &Service::url); }
std::string recognizer_model_name(const Config& config) {
  return chosen(config, "stt.model_name", &Service::model);
}

}  // namespace prot::stage
