#include "registry.hpp"

#include <utility>
#include <vector>

#include "engines/null.hpp"
#include "engines/openai.hpp"
#include "fallback_model.hpp"

namespace prot::brain {
namespace {

constexpr Nanos kLocalIdle = 8 * kSecond;  // a batch of a long prompt beside another one's
constexpr int kAttempts = 3;               // of a server, where another model is at hand

Nanos limit(const stage::Config& config, const char* key) { return config.get_int(key) * kMillisecond; }

OpenAiOptions local_options(const stage::Config& config, const std::string& socket) {
  OpenAiOptions options;
  options.url = "http://llm";
  options.unix_socket = socket;
  options.local = true;
  options.first_byte_timeout = limit(config, "llm.first_byte_timeout_ms");
  options.idle_timeout = kLocalIdle;
  return options;
}

OpenAiOptions server_options(const stage::Config& config, const stage::Secrets& secrets,
                             const std::string& prefix) {
  OpenAiOptions options;
  options.url = config.get_string(prefix + "url");
  options.model = config.get_string(prefix + "model");
  options.api_key = secrets.find(config.get_string(prefix + "api_key_env")).value_or("");
  options.first_byte_timeout = options.idle_timeout = limit(config, "brain.first_byte_timeout_ms");
  return options;
}

}  // namespace

std::unique_ptr<LanguageModel> make_language_model(const stage::Config& config, const stage::Secrets& secrets,
                                                   const std::string& local_socket,
                                                   const std::function<void()>& wake) {
  const std::string& url = config.get_string("brain.url");
  if (url == "null:") return std::make_unique<NullModel>(wake);
  std::vector<OpenAiOptions> chain;
  chain.push_back(url.empty() ? local_options(config, local_socket)
                              : server_options(config, secrets, "brain."));
  if (url.empty()) chain.back().model = config.get_string("brain.model");
  if (!config.get_string("brain.fallback_url").empty())
    chain.push_back(server_options(config, secrets, "brain.fallback_"));
  if (!url.empty() && config.get_bool("brain.fallback_local"))
    chain.push_back(local_options(config, local_socket));
  if (chain.size() == 1) return std::make_unique<OpenAiModel>(std::move(chain.front()), wake);

  std::vector<std::unique_ptr<LanguageModel>> models;
  for (OpenAiOptions& options : chain) {
    if (!options.local) options.attempts = kAttempts;
    models.push_back(std::make_unique<OpenAiModel>(std::move(options), wake));
  }
  FallbackSettings settings;
  settings.patience = limit(config, "brain.first_byte_timeout_ms");
  return std::make_unique<FallbackModel>(std::move(models), settings);
}

}  // namespace prot::brain
