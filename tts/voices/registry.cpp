#include <array>

#include "base/error.hpp"
#include "base/log.hpp"
#include "voices/builtin.hpp"
#include "voices/elevenlabs.hpp"
#include "voices/openai.hpp"
#include "voices/wyoming.hpp"

namespace prot::tts {
namespace {

struct Entry {
  std::string_view name;
  std::unique_ptr<Voice> (*make)(const VoiceOptions&);
};

constexpr auto kVoices = std::to_array<Entry>({
#ifdef PROT_HAVE_PIPER
    {"piper", make_piper},
#endif
    {"espeak", make_espeak},
    {"tone", make_tone},
    {"null", make_null},
});

}  // namespace

std::unique_ptr<Voice> make_voice(std::string_view name, const VoiceOptions& options) {
  for (const Entry& entry : kVoices)
    if (entry.name == name) return entry.make(options);
  if (name == "piper") {
    log_warn("this build is without the Piper voice (no ONNX Runtime); speaking with espeak-ng");
    return make_espeak(options);
  }
  std::string known;
  for (const std::string& voice : voice_names()) known += (known.empty() ? "" : ", ") + voice;
  throw UsageError("there is no voice '" + std::string(name) + "'; the voices are: " + known);
}

std::vector<std::string> voice_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kVoices) + 3);
  for (const Entry& entry : kVoices) names.emplace_back(entry.name);
  for (const std::string_view service : {kElevenLabs, kOpenAi, kWyoming})
    names.emplace_back(service);  // not on this machine: no Voice, but a Synthesizer
  return names;
}

}  // namespace prot::tts
