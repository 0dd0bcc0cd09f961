#include <map>

#include "self_check.hpp"
#include "tts_stage.hpp"
#include "worker_synthesizer.hpp"

namespace prot::tts {

std::unique_ptr<stage::Stage> make_tts_stage(stage::StageContext& context) {
  const stage::Config& config = context.config();
  VoiceOptions options;
  options.piper_model = piper_model(config, context.environment().paths.cache);
  options.words_per_minute = static_cast<int>(config.get_int("tts.espeak_wpm"));
  std::map<std::string, std::unique_ptr<Voice>> voices;
  for (const char* language : {"en", "ko"}) {
    options.language = language;
    voices.emplace(language, make_voice(config.get_string(std::string("tts.voice_") + language), options));
  }
  auto voice = std::make_unique<WorkerSynthesizer>(std::move(voices), config.language(), &context.bell(),
                                                   context.clock());
  return std::make_unique<TtsStage>(context, std::move(voice));
}

}  // namespace prot::tts
