#include "registry.hpp"

#include <utility>

#include "engines/null.hpp"
#include "engines/openai.hpp"

namespace prot::brain {

std::unique_ptr<LanguageModel> make_language_model(const stage::Config& config, const stage::Secrets& secrets,
                                                   const std::string& local_socket,
                                                   std::function<void()> wake) {
  const std::string& url = config.get_string("brain.url");
  if (url == "null:") return std::make_unique<NullModel>(std::move(wake));
  OpenAiOptions options;
  options.model = config.get_string("brain.model");
  options.first_byte_timeout = config.get_int("brain.first_byte_timeout_ms") * kMillisecond;
  options.local = url.empty();
  if (options.local) {
    options.url = "http://llm";
    options.unix_socket = local_socket;
  } else {
    options.url = url;
    options.api_key = secrets.find(config.get_string("brain.api_key_env")).value_or("");
  }
  return std::make_unique<OpenAiModel>(std::move(options), std::move(wake));
}

}  // namespace prot::brain
