#include "services/services.hpp"

#include <algorithm>
#include <string_view>

#include "base/error.hpp"
#include "http/url.hpp"
#include "stage/config_keys.hpp"
#include "stage/model_specs.hpp"
#include "stage/recognizer_specs.hpp"
#include "stage/service_table.hpp"

namespace prot::services {
namespace {

using stage::Config;
using stage::ModelSpec;
using stage::ServiceRow;
using Text = std::string_view;

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

Service describe(const ServiceRow& row, const Config& config) {
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
  if (!row.model_key.empty() && service.in_use) service.model = text_or(config, row.model_key, row.own_model);
  service.key_name = service.in_use || row.chosen_by.empty()
                         ? text_or(config, row.key_name_key, row.own_key_name)
                         : std::string(row.own_key_name);
  // OpenAI's key is not for every server that speaks as it does.
  if (row.protocol == "embeddings" && row.word == "openai" && !config.text(row.url_key).empty())
    service.key_name = config.text(row.key_name_key);
  service.key_needed = service.url.starts_with("https://") || row.protocol == "home-assistant";
  return service;
}

constexpr ServiceRow kAnthropic = stage::service_row("brain", "anthropic");
constexpr ServiceRow kChat = stage::service_row("brain", "openai");

Service describe(const ModelSpec& model, std::size_t number) {
  const bool anthropic = model.kind == ModelSpec::Kind::kAnthropic;
  const ServiceRow& row = anthropic ? kAnthropic : kChat;
  Service service;
  service.name = number == 0 ? "language model" : "fallback model " + std::to_string(number);
  service.program = row.program;
  service.protocol = row.protocol;
  service.url = model.url;
  service.url_key = anthropic || number == 0 ? row.url_key : "brain.fallback";
  service.key_name = model.key_name;
  service.key_needed = model.url.starts_with("https://");
  service.model = model.model;
  service.chosen_by = number == 0 ? row.chosen_by : "brain.fallback";
  service.in_use = true;
  service.plain_key = row.plain_key;
  return service;
}

Service unused_model(const ServiceRow& row, const Config& config) {
  Service service;
  service.name = row.name;
  service.program = row.program;
  service.protocol = row.protocol;
  if (row.url_key != kChat.url_key) service.url = config.text(row.url_key);  // that may be the local one's
  service.url_key = row.url_key;
  service.key_name = config.text(row.key_name_key);
  service.chosen_by = row.chosen_by;
  return service;
}

// What goes on when the first recogniser fails; whisper is no service.
void add_fallback_recognizers(const Config& config, std::vector<Service>& services) {
  const std::vector<stage::RecognizerSpec> specs = stage::recognizer_specs(config);
  for (std::size_t number = 1; number < specs.size(); ++number) {
    const stage::RecognizerSpec& spec = specs[number];
    const ServiceRow* row = stage::find_service("stt", spec.engine);
    if (row == nullptr) continue;
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
  constexpr ServiceRow kRow = stage::service_row("memory", "rerank");
  const std::string& url = config.text(kRow.url_key);
  const std::string& key_name = config.text(kRow.key_name_key);
  Service service;
  service.name = kRow.name;
  service.program = kRow.program;
  service.protocol = kRow.protocol;
  service.url = text_or(config, kRow.url_key, kRow.own_url);
  service.url_key = kRow.url_key;
  service.model = config.text(kRow.model_key);
  service.in_use = !url.empty() || !service.model.empty();
  service.key_name = key_name.empty() && url.empty() ? std::string(kRow.own_key_name) : key_name;
  service.key_needed = service.url.starts_with("https://");
  service.chosen_by = kRow.chosen_by;
  service.plain_key = kRow.plain_key;
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
  if (!anthropic) services.push_back(unused_model(kAnthropic, config));
  if (!openai) services.push_back(unused_model(kChat, config));
}

}  // namespace

std::vector<Service> known_services(const Config& config) {
  std::vector<Service> services;
  add_models(config, services);
  for (const ServiceRow& row : stage::kServiceRows)  // models and the reranker have rules of their own
    if (row.chosen_by != kChat.chosen_by && row.protocol != "rerank")
      services.push_back(describe(row, config));
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

std::string shown_address(const Service& service) {
  if (service.protocol != "wyoming") return http::shown_url(service.url);
  const bool scheme = service.url.starts_with("tcp://");
  const std::string web = http::shown_url("ws" + (scheme ? service.url.substr(3) : "://" + service.url));
  return web.starts_with("ws://") ? "tcp" + web.substr(2) : web;
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
