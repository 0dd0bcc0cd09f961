#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "base/log.hpp"
#include "failover_synthesizer.hpp"
#include "pronunciations.hpp"
#include "self_check.hpp"
#include "tts_stage.hpp"
#include "voices/elevenlabs.hpp"
#include "voices/openai.hpp"
#include "voices/wyoming.hpp"
#include "worker_synthesizer.hpp"

namespace prot::tts {
namespace {

std::shared_ptr<Synthesizer> make_local(const std::string& name, const VoiceOptions& options,
                                        stage::StageContext& context) {
  return std::make_shared<WorkerSynthesizer>(make_voice(name, options), &context.bell(), context.clock());
}

std::shared_ptr<Synthesizer> make_elevenlabs(const std::string& language, stage::StageContext& context) {
  ElevenLabsOptions service = elevenlabs_options(context.config(), language);
  service.api_key = context.environment().secrets.find(std::string(kElevenLabsKey)).value_or("");
  service.wake = [&context] { context.bell().ring(); };
  service.clock = &context.clock();
  return make_elevenlabs_voice(service);
}

std::shared_ptr<Synthesizer> make_openai(const std::string& language, stage::StageContext& context) {
  OpenAiVoiceOptions service = openai_voice_options(context.config(), language);
  service.api_key =
      context.environment().secrets.find(context.config().get_string("tts.openai_api_key_env")).value_or("");
  service.wake = [&context] { context.bell().ring(); };
  service.clock = &context.clock();
  return make_openai_voice(service);
}

std::shared_ptr<Synthesizer> make_wyoming(const std::string& language, stage::StageContext& context) {
  WyomingOptions service = wyoming_options(context.config(), language);
  service.wake = [&context] { context.bell().ring(); };
  service.clock = &context.clock();
  return make_wyoming_voice(service);
}

struct Service {
  std::string_view name;
  std::shared_ptr<Synthesizer> (*make)(const std::string& language, stage::StageContext& context);
};
constexpr Service kServices[] = {
    {kElevenLabs, make_elevenlabs},
    {kOpenAi, make_openai},
    {kWyoming, make_wyoming},
};

std::shared_ptr<Synthesizer> make_one(const std::string& name, const VoiceOptions& options,
                                      stage::StageContext& context) {
  for (const Service& service : kServices)
    if (service.name == name) return service.make(options.language, context);
  return make_local(name, options, context);
}

FailoverSynthesizer::Chain make_chain(const stage::Config& config, const VoiceOptions& options,
                                      stage::StageContext& context) {
  std::vector<std::string> names = config.get_list("tts.fallback_" + options.language);
  names.insert(names.begin(), config.get_string("tts.voice_" + options.language));
  FailoverSynthesizer::Chain chain;
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (std::find(names.begin(), name, *name) != name) continue;  // it has its turn already
    try {
      chain.push_back(make_one(*name, options, context));
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      log_error("voice {}: {}", *name, full_message(error));
    }
  }
  if (chain.empty()) throw Error("no voice for " + options.language, 78);
  return chain;
}

Pronunciations load_pronunciations(const std::string& path) {
  if (path.empty()) return {};
  std::vector<std::string> problems;
  Pronunciations loaded = Pronunciations::load(path, problems);
  for (const std::string& problem : problems) log_error("tts.pronunciation_file: {}", problem);
  log_info("{} pronunciations from {}", loaded.size(), path);
  return loaded;
}

}  // namespace

std::unique_ptr<stage::Stage> make_tts_stage(stage::StageContext& context) {
  const stage::Config& config = context.config();
  VoiceOptions options;
  options.piper_model = piper_model(config, context.environment().paths.cache);
  options.words_per_minute = static_cast<int>(config.get_int("tts.espeak_wpm"));
  std::map<std::string, FailoverSynthesizer::Chain> voices;
  for (const char* language : {"en", "ko"}) {
    options.language = language;
    voices.emplace(language, make_chain(config, options, context));
  }
  auto voice = std::make_unique<FailoverSynthesizer>(
      voices, config.language(), config.get_int("tts.first_audio_timeout_ms") * kMillisecond,
      context.clock());
  return std::make_unique<TtsStage>(context, std::move(voice),
                                    load_pronunciations(config.get_string("tts.pronunciation_file")));
}

}  // namespace prot::tts
