#include "registry.hpp"

#include <string_view>
#include <utility>
#include <vector>

#include "engines/anthropic.hpp"
#include "engines/hidden_thoughts.hpp"
#include "engines/null.hpp"
#include "engines/openai.hpp"
#include "fallback_model.hpp"
#include "http/url.hpp"
#include "stage/model_specs.hpp"

namespace prot::brain {
namespace {

using stage::ModelSpec;

constexpr Nanos kLocalIdle = 8 * kSecond;  // a batch of a long prompt beside another one's
constexpr int kAttempts = 3;               // of a server, where another model is at hand

struct Builder {
  const stage::Config& config;
  const stage::Secrets& secrets;
  const std::string& local_socket;
  const std::function<void()>& wake;
  int attempts = 0;
  Nanos last_wait = 0;  // nobody else is left: it is waited for, but not asked again and again

  [[nodiscard]] Nanos limit(const char* key) const { return config.get_int(key) * kMillisecond; }
  [[nodiscard]] std::string key_of(const ModelSpec& spec) const {
    return spec.key_name.empty() ? std::string() : secrets.find(spec.key_name).value_or("");
  }
  [[nodiscard]] std::string flag(const ModelSpec& spec, const char* name, const char* key) const {
    const std::string_view own = spec.flag(name);
    return own.empty() ? config.get_string(key) : std::string(own);
  }
  /// No answer goes on for ever.
  void bound(auto& options) const {
    options.answer_time = config.get_int("brain.answer_limit_s") * kSecond;
    options.answer_bytes = static_cast<std::size_t>(config.get_int("brain.answer_limit_kib")) << 10U;
  }
  /// What is alike for every server elsewhere.
  void fill(auto& options, const ModelSpec& spec) const {
    bound(options);
    options.url = spec.url;
    options.model = spec.model;
    options.key_name = spec.key_name;
    options.api_key = key_of(spec);
    options.connect_timeout = limit("brain.connect_timeout_ms");
    options.retry_for = options.idle_timeout = limit("brain.first_byte_timeout_ms");
    options.first_byte_timeout = options.retry_for + last_wait;
    options.attempts = attempts;
  }
  [[nodiscard]] AnthropicFeatures features(const ModelSpec& spec) const;
  [[nodiscard]] std::unique_ptr<LanguageModel> local(const ModelSpec& spec) const;
  [[nodiscard]] std::unique_ptr<LanguageModel> openai(const ModelSpec& spec) const;
  [[nodiscard]] std::unique_ptr<LanguageModel> anthropic(const ModelSpec& spec) const;
  [[nodiscard]] std::unique_ptr<LanguageModel> make(const ModelSpec& spec) const;
};

AnthropicFeatures Builder::features(const ModelSpec& spec) const {
  const auto count = [this](const char* key) { return static_cast<int>(config.get_int(key)); };
  AnthropicFeatures out;
  out.cache = spec.flag("cache") != "no";
  out.effort = flag(spec, "effort", "anthropic.effort");
  if (out.effort == "none") out.effort.clear();
  out.thinking = flag(spec, "thinking", "anthropic.thinking");
  if (out.thinking == "off") out.thinking.clear();
  out.thinking_tokens = count("anthropic.thinking_tokens");
  out.temperature = spec.flag("temperature") == "yes";
  out.parallel_calls = spec.flag("parallel") != "no";
  if (spec.flag("context_management") != "no") {
    out.thinking_keep_turns = count("anthropic.thinking_keep_turns");
    out.tool_clear_tokens = count("anthropic.tool_clear_tokens");
    out.tool_clear_keep = count("anthropic.tool_keep_uses");
    out.compaction_tokens = count("anthropic.compaction_tokens");
    out.pause_after_compaction = config.get_bool("anthropic.compaction_pause");
  }
  const std::string_view search = spec.flag("web_search");
  out.web_search = search.empty() ? config.get_bool("anthropic.web_search") : search == "yes";
  out.city = config.get_string("anthropic.search_city");
  out.region = config.get_string("anthropic.search_region");
  out.country = config.get_string("anthropic.search_country");
  out.time_zone = config.get_string("anthropic.search_time_zone");
  return out;
}

std::unique_ptr<LanguageModel> Builder::local(const ModelSpec& spec) const {
  OpenAiOptions options;
  options.url = "http://llm";
  options.unix_socket = local_socket;
  options.model = spec.model;
  options.local = true;
  options.first_byte_timeout = limit("llm.first_byte_timeout_ms");
  options.idle_timeout = kLocalIdle;
  bound(options);
  return std::make_unique<OpenAiModel>(options, wake);
}

std::unique_ptr<LanguageModel> Builder::openai(const ModelSpec& spec) const {
  if (!config.get_bool("brain.plain_http")) http::refuse_plain_http(spec.url, "brain.plain_http");
  OpenAiOptions options;
  fill(options, spec);
  options.flags = openai_flags(spec.url, spec.model, spec.flags);
  return std::make_unique<OpenAiModel>(options, wake);
}

std::unique_ptr<LanguageModel> Builder::anthropic(const ModelSpec& spec) const {
  if (!config.get_bool("anthropic.plain_http")) http::refuse_plain_http(spec.url, "anthropic.plain_http");
  AnthropicOptions options;
  fill(options, spec);
  options.slow_timeout = limit("anthropic.slow_timeout_ms");
  options.features = features(spec);
  return std::make_unique<AnthropicModel>(options, wake);
}

// One line for each kind of model.
std::unique_ptr<LanguageModel> Builder::make(const ModelSpec& spec) const {
  switch (spec.kind) {
    case ModelSpec::Kind::kNull:
      return std::make_unique<NullModel>(wake);
    case ModelSpec::Kind::kLocal:
      return std::make_unique<ThoughtlessModel>(local(spec));
    case ModelSpec::Kind::kOpenAi:
      return std::make_unique<ThoughtlessModel>(openai(spec));
    case ModelSpec::Kind::kAnthropic:
      return anthropic(spec);
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<LanguageModel> make_language_model(const stage::Config& config, const stage::Secrets& secrets,
                                                   const std::string& local_socket,
                                                   const std::function<void()>& wake) {
  const std::vector<ModelSpec> specs = stage::model_specs(config);
  Builder builder{config, secrets, local_socket, wake};
  const Nanos last_wait = builder.limit("brain.last_model_wait_ms");
  if (specs.size() > 1) builder.attempts = kAttempts;
  std::vector<std::unique_ptr<LanguageModel>> models;
  models.reserve(specs.size());
  for (const ModelSpec& spec : specs) {
    if (&spec == &specs.back()) builder.last_wait = last_wait;
    models.push_back(builder.make(spec));
  }
  if (models.size() == 1) return std::move(models.front());
  FallbackSettings settings;
  settings.patience = builder.limit("brain.first_byte_timeout_ms");
  settings.last_wait = last_wait;
  return std::make_unique<FallbackModel>(std::move(models), settings);
}

}  // namespace prot::brain
