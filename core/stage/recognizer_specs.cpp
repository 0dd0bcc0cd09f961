#include "stage/recognizer_specs.hpp"

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "stage/config_keys.hpp"
#include "stage/service_keys.hpp"
#include "stage/service_table.hpp"

namespace prot::stage {
namespace {

constexpr ServiceWords kWords = service_words("whisper", "stt.engine");
constexpr std::string_view kEngines = kWords.text();

// "wyoming url=tcp://127.0.0.1:10300 model=tiny"; "whisper" takes what [stt] says.
RecognizerSpec parse_entry(const std::string& entry) {
  std::istringstream stream(entry);
  std::string engine;
  stream >> engine;
  if (!has_word(kEngines, engine)) throw UsageError("an entry begins with one of: " + std::string(kEngines));
  RecognizerSpec spec = usual_recognizer(engine);
  for (std::string word; stream >> word;) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (engine == "whisper") throw UsageError("'whisper' stands alone");
    if (name == "url") {
      spec.url = value;
    } else if (name == "model") {
      spec.model = value;
    } else if (name == "key") {
      spec.key_name = value;
    } else {
      throw UsageError("'" + name + "' is unknown there; there are url, model, key");
    }
  }
  if (engine == "openai" && spec.url.empty()) throw UsageError("'openai' needs url=...");
  return spec;
}

}  // namespace

std::vector<RecognizerSpec> recognizer_specs(const Config& config) {
  std::vector<RecognizerSpec> specs{{config.get_string("stt.engine"), recognizer_url(config),
                                     recognizer_model_name(config), recognizer_key_name(config)}};
  for (const std::string& entry : config.get_list("stt.fallback")) specs.push_back(parse_entry(entry));
  return specs;
}

void check_recognizer_specs(const Config& config, std::vector<std::string>& errors) {
  constexpr std::size_t kMost = 8;
  if (config.get_list("stt.fallback").size() > kMost)
    errors.push_back(config.place("stt.fallback") + "stt.fallback: more than " + std::to_string(kMost) +
                     " entries");
  for (const std::string& entry : config.get_list("stt.fallback")) {
    try {
      static_cast<void>(parse_entry(entry));
    } catch (const UsageError& e) {
      errors.push_back(config.place("stt.fallback") + "stt.fallback: '" + shown_text(entry) +
                       "': " + e.what());
    }
  }
}

}  // namespace prot::stage
