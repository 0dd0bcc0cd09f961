#include "implied.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "programs.hpp"
#include "stage/model_specs.hpp"
#include "stage/service_table.hpp"

namespace prot::supervisor {
namespace {
using stage::Config;
using stage::ImpliedChoice;

bool chose(const std::vector<ImpliedChoice>& choices, std::string_view key) {
  return std::any_of(choices.begin(), choices.end(),
                     [&](const ImpliedChoice& choice) { return choice.key == key; });
}

bool has_local_model(const Config& config, const InstancePaths& paths) {
  if (!config.get_bool("llm.enabled")) return false;
  try {
    static_cast<void>(find_llama_server(config, paths));
  } catch (const Error&) {
    return false;
  }
  return ::access(llm_model(config, paths).c_str(), R_OK) == 0;
}

bool has_whisper(const Config& config, const InstancePaths& paths) {
  const std::string file = config.model_path("stt.model", paths.cache.string(), "ggml-base-q8_0.bin");
  return ::access(file.c_str(), R_OK) == 0;
}

bool has_piper(const Config& config, const InstancePaths& paths) {
  const std::string file = config.model_path("tts.piper_model", paths.cache.string(), "piper-joe.onnx");
  return ::access(file.c_str(), R_OK) == 0 && ::access((file + ".json").c_str(), R_OK) == 0;
}

void add_name(std::string& list, const std::string& name) {
  if (list.find(name) == std::string::npos) list += (list.empty() ? "" : ", ") + name;
}

}  // namespace

std::vector<ImpliedChoice> choices_in_force(const Config& config, const LayeredEnvironment& environment,
                                            const EnvFile& file) {
  std::vector<ImpliedChoice> choices;
  for (const stage::ServiceOfKey& row : stage::services_of_keys()) {
    const std::string name = row.secret_of(config);
    const std::optional<stage::PlacedValue> secret = environment.find(name, file);
    // The place of what a key chose is the key's.
    if (secret && config.text(row.key) == row.service && config.place(row.key) == secret->place)
      choices.push_back({std::string(row.key), std::string(row.service), name, secret->place});
  }
  return choices;
}

std::vector<std::string> local_engines_last(const Config& config, const InstancePaths& paths) {
  std::vector<std::string> settings;
  const auto is_open = [&](std::string_view key) { return config.place(key).empty(); };
  const auto asks_service = [&](std::string_view program, std::string_view key) {
    return stage::find_service(program, config.text(key)) != nullptr;
  };
  using Kind = stage::ModelSpec::Kind;
  const Kind model = stage::model_specs(config).front().kind;
  if ((model == Kind::kOpenAi || model == Kind::kAnthropic) && is_open("brain.fallback") &&
      has_local_model(config, paths))
    settings.emplace_back(R"(brain.fallback=["local"])");
  if (asks_service("stt", "stt.engine") && is_open("stt.fallback") && has_whisper(config, paths))
    settings.emplace_back(R"(stt.fallback=["whisper"])");
  if (asks_service("tts", "tts.voice_en") && is_open("tts.fallback_en") && has_piper(config, paths))
    settings.emplace_back(R"(tts.fallback_en=["piper","espeak"])");
  return settings;
}

std::string note_of_choices(const Config& config, const std::vector<ImpliedChoice>& choices) {
  std::string services;
  std::string secrets;
  const bool hears = chose(choices, "stt.engine");
  const bool speaks = chose(choices, "tts.voice_en") || chose(choices, "tts.voice_ko");
  if (hears || speaks)
    add_name(services, std::string("ElevenLabs for ") + (hears ? "recognition" : "") +
                           (hears && speaks ? " and " : "") + (speaks ? "voice" : ""));
  if (chose(choices, "brain.engine"))
    add_name(services, "Anthropic's " + stage::shown_text(config.get_string("anthropic.model")));
  if (chose(choices, "memory.embedder")) add_name(services, "Voyage for what memory finds");
  for (const ImpliedChoice& choice : choices) add_name(secrets, choice.secret);
  if (services.empty()) return {};
  const bool many = secrets.find(',') != std::string::npos;
  const bool voiceless = hears && !speaks && config.get_string("tts.elevenlabs_voice").empty();
  return fmt::format(
      "{}, because {} {} set: what is said goes there{}; general.keys_choose = false keeps it here", services,
      secrets, many ? "are" : "is", voiceless ? " (for its voice ELEVENLABS_VOICE_ID is missing)" : "");
}

}  // namespace prot::supervisor
