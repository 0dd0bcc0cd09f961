#include "stage/implied_choices.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace prot::stage;

namespace {

using Names = std::map<std::string, std::string, std::less<>>;
const Names kBoth = {{"ANTHROPIC_API_KEY", "a"}, {"ELEVENLABS_API_KEY", "e"}, {"ELEVENLABS_VOICE_ID", "v"}};

Config load(const Names& names, const std::vector<std::string>& overrides = {}) {
  ConfigSources sources;
  sources.environment = [&names](std::string_view name) -> std::optional<PlacedValue> {
    const auto found = names.find(name);
    if (found == names.end()) return std::nullopt;
    return PlacedValue{found->second, "environment " + found->first + ": "};
  };
  sources.overrides = overrides;
  return Config::load(sources);
}

}  // namespace

TEST_CASE("without keys, auto is what this machine has") {
  const Config config = load({});
  CHECK(config.get_string("stt.engine") == "whisper");
  CHECK(config.get_string("tts.voice_en") == "piper");
  CHECK(config.get_string("tts.voice_ko") == "espeak");
  CHECK(config.get_string("brain.engine") == "auto");
  CHECK(config.place("stt.engine").empty());
}

TEST_CASE("who has the keys that the original wanted gets the services that it used") {
  const Config config = load(kBoth);
  CHECK(config.get_string("stt.engine") == "elevenlabs");
  CHECK(config.get_string("tts.voice_en") == "elevenlabs");
  CHECK(config.get_string("tts.voice_ko") == "elevenlabs");
  CHECK(config.get_string("brain.engine") == "anthropic");
  CHECK(config.place("stt.engine") == "environment ELEVENLABS_API_KEY: ");
  CHECK(config.place("brain.engine") == "environment ANTHROPIC_API_KEY: ");
}

TEST_CASE("a key chooses its own service alone, and no voice that has no id") {
  const Config config = load({{"ELEVENLABS_API_KEY", "e"}});
  CHECK(config.get_string("stt.engine") == "elevenlabs");
  CHECK(config.get_string("tts.voice_en") == "piper");
  CHECK(config.get_string("brain.engine") == "auto");
  CHECK(load({{"ELEVENLABS_API_KEY", ""}}).get_string("stt.engine") == "whisper");
}

TEST_CASE("what the configuration says is stronger than a key") {
  const Config config = load(kBoth, {"stt.engine=whisper", "tts.voice_en=espeak", "brain.engine=local"});
  CHECK(config.get_string("stt.engine") == "whisper");
  CHECK(config.get_string("tts.voice_en") == "espeak");
  CHECK(config.get_string("tts.voice_ko") == "elevenlabs");
  CHECK(config.get_string("brain.engine") == "local");
  // A key with a name of its own may be another service's.
  CHECK(load(kBoth, {"stt.api_key_env=OTHER_KEY"}).get_string("stt.engine") == "whisper");
}

TEST_CASE("Voyage's key chooses its vectors, unless another server is named") {
  const Names voyage = {{"VOYAGE_API_KEY", "v"}};
  CHECK(load(voyage).get_string("memory.embedder") == "voyage");
  CHECK(load(voyage, {"memory.embedder=hashed"}).get_string("memory.embedder") == "hashed");
  CHECK(load(voyage, {"memory.embedding_url=http://127.0.0.1:1"}).get_string("memory.embedder") == "auto");
  CHECK(load(voyage, {"general.keys_choose=false"}).get_string("memory.embedder") == "auto");
  CHECK(load(voyage, {"memory.enabled=false"}).get_string("memory.embedder") == "auto");
}

TEST_CASE("one key of the configuration turns all of it off") {
  const Config config = load(kBoth, {"general.keys_choose=false"});
  CHECK(config.get_string("stt.engine") == "whisper");
  CHECK(config.get_string("tts.voice_en") == "piper");
  CHECK(config.get_string("brain.engine") == "auto");
}

TEST_CASE("what a stage is given has been decided") {
  const Config config = Config::from_snapshot(load(kBoth).snapshot("stt"));
  CHECK(config.get_string("stt.engine") == "elevenlabs");
  CHECK(Config::from_snapshot(load({}).snapshot("tts")).get_string("tts.voice_en") == "piper");
}
