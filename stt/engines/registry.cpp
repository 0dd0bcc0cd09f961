#include "base/error.hpp"
#include "engines/backends.hpp"

namespace prot::stt {
namespace {

struct Backend {
  const char* name;
  std::unique_ptr<SpeechRecognizer> (*make)(const RecognizerOptions& options);
};

constexpr Backend kBackends[] = {
#ifdef PROT_HAVE_WHISPER
    {"whisper", make_whisper_recognizer},
#endif
    {"null", make_null_recognizer},
    {"openai", make_openai_recognizer},
    {"elevenlabs", make_elevenlabs_recognizer},
    {"wyoming", make_wyoming_recognizer},
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_recognizer(std::string_view name, const RecognizerOptions& options) {
  for (const Backend& backend : kBackends)
    if (name == backend.name) return backend.make(options);
  std::string known;
  for (const std::string& other : recognizer_names()) known += " " + other;
  throw UsageError("stt.engine: '" + std::string(name) + "' is not built in; there are:" + known);
}

std::vector<std::string> recognizer_names() {
  std::vector<std::string> names;
  for (const Backend& backend : kBackends) names.emplace_back(backend.name);
  return names;
}

}  // namespace prot::stt
