#include "services/services.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "http/url.hpp"
#include "stage/config_keys.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"

namespace prot::services {
namespace {

using stage::Config;
using stage::ModelSpec;
using Text = std::string_view;

/// A service that keys of the configuration choose by its name. One line each.
struct Row {
  Text name;
  Text program;
  Text protocol;
  Text chosen_by;  // keys, texts or lists of them; empty: its address alone
  Text word;       // what they say
  Text url_key;
  Text own_url;
  Text key_name_key;  // the key that names the environment variable; empty: it is always `own_key_name`
  Text own_key_name;
  Text plain_key;
  Text model_key;
  Text ca_file_key = {};
};

constexpr Text kElevenLabs = "https://api.elevenlabs.io";
constexpr Text kVoices = "tts.voice_en tts.voice_ko tts.fallback_en tts.fallback_ko";
constexpr Row kRows[] = {
    {"ElevenLabs recognition", "stt", "elevenlabs-realtime", "stt.engine", "elevenlabs", "stt.url",
     kElevenLabs, "stt.api_key_env", "ELEVENLABS_API_KEY", "stt.plain_http", "stt.model_name"},
    {"OpenAI-compatible recognition", "stt", "openai-transcription", "stt.engine", "openai", "stt.url", "",
     "stt.api_key_env", "OPENAI_API_KEY", "stt.plain_http", "stt.model_name"},
    {"Wyoming recognition", "stt", "wyoming", "stt.engine", "wyoming", "stt.url", "tcp://127.0.0.1:10300", "",
     "", "stt.plain_http", ""},
    {"ElevenLabs voice", "tts", "elevenlabs-voice", kVoices, "elevenlabs", "tts.elevenlabs_url", kElevenLabs,
     "", "ELEVENLABS_API_KEY", "tts.plain_http", "tts.elevenlabs_model"},
    {"OpenAI-compatible voice", "tts", "openai-speech", kVoices, "openai", "tts.openai_url",
     "https://api.openai.com/v1", "tts.openai_api_key_env", "OPENAI_API_KEY", "tts.plain_http",
     "tts.openai_model"},
    {"Wyoming voice", "tts", "wyoming", kVoices, "wyoming", "tts.wyoming_url", "tcp://127.0.0.1:10200", "",
     "", "tts.plain_http", ""},
    {"Voyage vectors", "memory", "embeddings", "memory.embedder", "voyage", "memory.embedding_url",
     "https://api.voyageai.com/v1", "memory.embedding_key_env", "VOYAGE_API_KEY",
     "memory.embedding_plain_http", "memory.embedding_model"},
    {"OpenAI-compatible vectors", "memory", "embeddings", "memory.embedder", "openai", "memory.embedding_url",
     "https://api.openai.com/v1", "memory.embedding_key_env", "OPENAI_API_KEY", "memory.embedding_plain_http",
     "memory.embedding_model"},
    {"Home Assistant", "brain", "home-assistant", "", "", "home_assistant.url", "",
     "home_assistant.token_env", "HASS_TOKEN", "", "", "home_assistant.ca_file"},
    {"database", "memory", "postgres", "", "", "memory.database_url", "", "", "", "", ""},
};

std::vector<std::string> words_of(Text list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (end > 0) words.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return words;
}

// An entry of a list may say more behind its first word.
bool says(const Config& config, const std::string& key, Text word) {
  if (key == "memory.embedder" && config.text(key) == "auto")  // an address says it
    return word == "openai" && !config.text("memory.embedding_url").empty();
  const stage::ConfigKey* row = stage::find_key(key);
  if (row == nullptr || row->type != stage::ConfigType::kList) return config.text(key) == word;
  const std::vector<std::string> entries = config.get_list(key);
  return std::any_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    return Text(entry).substr(0, entry.find(' ')) == word;
  });
}

std::string text_or(const Config& config, Text key, Text own) {
  if (key.empty()) return std::string(own);
  const std::string& text = config.text(key);
  return text.empty() ? std::string(own) : text;
}

Service describe(const Row& row, const Config& config) {
  Service service;
  service.name = row.name;
  service.program = row.program;
  service.protocol = row.protocol;
  service.url_key = row.url_key;
  service.plain_key = row.plain_key;
  service.chosen_by = row.chosen_by.empty() ? row.url_key : row.chosen_by;
  if (!row.ca_file_key.empty()) service.ca_file = config.text(row.ca_file_key);
  if (row.chosen_by.empty()) {
    service.url = text_or(config, row.url_key, row.own_url);
    service.in_use = !service.url.empty();
  } else {
    std::vector<std::string> keys = words_of(row.chosen_by);
    std::stable_partition(keys.begin(), keys.end(),
                          [&](const std::string& key) { return says(config, key, row.word); });
    service.in_use = says(config, keys.front(), row.word);
    service.chosen_by.clear();
    for (const std::string& key : keys) service.chosen_by += (service.chosen_by.empty() ? "" : " ") + key;
    // What stands there while another one is chosen is that one's.
    service.url = service.in_use ? text_or(config, row.url_key, row.own_url) : std::string(row.own_url);
  }
  if (!row.model_key.empty() && service.in_use) service.model = config.text(row.model_key);
  service.key_name = service.in_use || row.chosen_by.empty()
                         ? text_or(config, row.key_name_key, row.own_key_name)
                         : std::string(row.own_key_name);
  // OpenAI's key is not for every server that speaks as it does.
  if (row.protocol == "embeddings" && row.word == "openai" && !config.text(row.url_key).empty())
    service.key_name = config.text(row.key_name_key);
  service.key_needed = service.url.starts_with("https://") || row.protocol == "home-assistant";
  return service;
}

Service describe(const ModelSpec& model, std::size_t number) {
  const bool anthropic = model.kind == ModelSpec::Kind::kAnthropic;
  Service service;
  service.name = number == 0 ? "language model" : "fallback model " + std::to_string(number);
  service.program = "brain";
  service.protocol = anthropic ? "anthropic" : "openai-chat";
  service.url = model.url;
  service.url_key = anthropic ? "anthropic.url" : number == 0 ? "brain.url" : "brain.fallback";
  service.key_name = model.key_name;
  service.key_needed = model.url.starts_with("https://");
  service.model = model.model;
  service.chosen_by = number == 0 ? "brain.engine" : "brain.fallback";
  service.in_use = true;
  service.plain_key = anthropic ? "anthropic.plain_http" : "brain.plain_http";
  return service;
}

Service unused_model(Text name, Text protocol, Text url, Text url_key, const std::string& key_name) {
  Service service;
  service.name = name;
  service.program = "brain";
  service.protocol = protocol;
  service.url = url;
  service.url_key = url_key;
  service.key_name = key_name;
  service.chosen_by = "brain.engine";
  return service;
}

// What goes on when the first recogniser fails; whisper is no service.
void add_fallback_recognizers(const Config& config, std::vector<Service>& services) {
  const std::vector<stage::RecognizerSpec> specs = stage::recognizer_specs(config);
  for (std::size_t number = 1; number < specs.size(); ++number) {
    const stage::RecognizerSpec& spec = specs[number];
    const auto* const row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& one) {
      return one.program == "stt" && one.word == spec.engine;
    });
    if (row == std::end(kRows)) continue;
    Service service;
    service.name = "fallback recogniser " + std::to_string(number);
    service.program = row->program;
    service.protocol = row->protocol;
    service.url = spec.url;
    service.url_key = service.chosen_by = "stt.fallback";
    service.key_name = spec.key_name;
    service.key_needed = spec.url.starts_with("https://");
    service.model = spec.model;
    service.in_use = true;
    service.plain_key = row->plain_key;
    services.push_back(std::move(service));
  }
}

void add_reranker(const Config& config, std::vector<Service>& services) {
  const std::string& url = config.text("memory.rerank_url");
  const std::string& key_name = config.text("memory.rerank_key_env");
  Service service;
  service.name = "reranker";
  service.program = "memory";
  service.protocol = "rerank";
  service.url = url.empty() ? "https://api.voyageai.com/v1" : url;
  service.url_key = "memory.rerank_url";
  service.model = config.text("memory.rerank_model");
  service.in_use = !url.empty() || !service.model.empty();
  service.key_name = key_name.empty() && url.empty() ? "VOYAGE_API_KEY" : key_name;
  service.key_needed = service.url.starts_with("https://");
  service.chosen_by = "memory.rerank_model";
  service.plain_key = "memory.embedding_plain_http";
  services.push_back(std::move(service));
}

void add_models(const Config& config, std::vector<Service>& services) {
  const std::vector<ModelSpec> models = stage::model_specs(config);
  bool anthropic = false;
  bool openai = false;
  for (std::size_t number = 0; number < models.size(); ++number) {
    const ModelSpec::Kind kind = models[number].kind;
    if (kind != ModelSpec::Kind::kAnthropic && kind != ModelSpec::Kind::kOpenAi) continue;
    (kind == ModelSpec::Kind::kAnthropic ? anthropic : openai) = true;
    services.push_back(describe(models[number], number));
  }
  if (!anthropic)
    services.push_back(unused_model("Anthropic", "anthropic", config.text("anthropic.url"), "anthropic.url",
                                    config.text("anthropic.api_key_env")));
  if (!openai)
    services.push_back(unused_model("OpenAI-compatible model", "openai-chat", "", "brain.url",
                                    config.text("brain.api_key_env")));
}

}  // namespace

std::vector<Service> known_services(const Config& config) {
  std::vector<Service> services;
  add_models(config, services);
  for (const Row& row : kRows) services.push_back(describe(row, config));
  add_fallback_recognizers(config, services);
  add_reranker(config, services);
  const bool memory = config.get_bool("memory.enabled");
  const bool postgres = config.get_string("memory.store") == "postgres";
  for (Service& service : services)
    if (service.program == "memory" && (!memory || (service.protocol == "postgres" && !postgres)))
      service.in_use = false;
  return services;
}

bool is_refused_plain(const Service& service, const Config& config) {
  if (service.plain_key.empty() || config.get_bool(service.plain_key)) return false;
  try {
    return http::parse_url(service.url).is_exposed();
  } catch (const UsageError&) {
    return false;  // it is no address at all
  }
}

std::string shown_key_name(const std::string& name) {
  constexpr std::size_t kLongest = 64;
  const bool plain =
      !name.empty() && name.size() <= kLongest &&
      std::all_of(name.begin(), name.end(),
                  [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }) &&
      std::any_of(name.begin(), name.end(), [](char c) { return c == '_'; });
  return plain ? name : "(no name in capitals: not shown)";
}

}  // namespace prot::services
