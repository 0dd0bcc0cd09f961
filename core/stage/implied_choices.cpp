#include "stage/implied_choices.hpp"

#include <array>

#include "stage/service_table.hpp"

namespace prot::stage {
namespace {

constexpr std::string_view kElevenLabsKey = service_row("stt", "elevenlabs").own_key_name;
constexpr std::string_view kVoice = "tts.elevenlabs_voice";
constexpr auto kServices = std::to_array<ServiceOfKey>({
    {.key = "brain.engine",
     .service = "anthropic",
     .own = "",
     .unless = "brain.url",
     .name_key = "anthropic.api_key_env"},
    // A key with a name of its own may be another service's.
    {.key = "stt.engine",
     .service = "elevenlabs",
     .own = "whisper",
     .unless = "stt.api_key_env",
     .name = kElevenLabsKey},
    {.key = "tts.voice_en", .service = "elevenlabs", .own = "piper", .needs = kVoice, .name = kElevenLabsKey},
    {.key = "tts.voice_ko",
     .service = "elevenlabs",
     .own = "espeak",
     .needs = kVoice,
     .name = kElevenLabsKey},
    {.key = "memory.embedder",
     .service = "voyage",
     .own = "",
     .unless = "memory.embedding_url",
     .name = service_row("memory", "voyage").own_key_name,
     .only_if = "memory.enabled"},
});

}  // namespace

std::string ServiceOfKey::secret_of(const Config& config) const {
  return name_key.empty() ? std::string(name) : config.text(name_key);
}

std::span<const ServiceOfKey> services_of_keys() noexcept { return kServices; }

std::vector<ImpliedChoice> implied_choices(const Config& config, const EnvironmentLookup& environment) {
  std::vector<ImpliedChoice> choices;
  if (!config.get_bool("general.keys_choose")) return choices;
  for (const ServiceOfKey& row : kServices) {
    const bool open = config.text(row.key) == "auto" &&
                      (row.needs.empty() || !config.text(row.needs).empty()) &&
                      (row.unless.empty() || config.text(row.unless).empty()) &&
                      (row.only_if.empty() || config.get_bool(row.only_if));
    if (!open) continue;
    const std::string name = row.secret_of(config);
    const std::optional<PlacedValue> secret = environment(name);
    if (secret && !secret->value.empty())
      choices.push_back({std::string(row.key), std::string(row.service), name, secret->place});
  }
  return choices;
}

}  // namespace prot::stage
