// Which recognisers the configuration names, and what is wrong with the list.
#include "stage/recognizer_specs.hpp"

#include <doctest/doctest.h>

#include "stage/service_keys.hpp"

namespace prot::stage {
namespace {

Config with(const std::vector<std::string>& overrides) { return Config::load("", overrides); }

}  // namespace

TEST_CASE("without a list there is one recogniser") {
  const std::vector<RecognizerSpec> specs = recognizer_specs(with({}));
  REQUIRE(specs.size() == 1);
  CHECK(specs[0].engine == "whisper");
  CHECK(specs[0].key_name.empty());
}

TEST_CASE("the list goes on behind the first one, with what is usual for a service and what an entry says") {
  const std::vector<RecognizerSpec> specs = recognizer_specs(with(
      {"stt.engine=elevenlabs",
       R"(stt.fallback=["wyoming","openai url=http://127.0.0.1:8080 model=small key=MY_KEY","wyoming url=tcp://[::1]:7 model=tiny","elevenlabs","whisper"])"}));
  REQUIRE(specs.size() == 6);
  CHECK(specs[0].key_name == "ELEVENLABS_API_KEY");
  CHECK(specs[1].engine == "wyoming");
  CHECK(specs[1].url == "tcp://127.0.0.1:10300");
  CHECK(specs[1].key_name.empty());
  CHECK(specs[2].url == "http://127.0.0.1:8080");
  CHECK(specs[2].model == "small");
  CHECK(specs[2].key_name == "MY_KEY");
  CHECK(specs[3].url == "tcp://[::1]:7");
  CHECK(specs[3].model == "tiny");
  CHECK(specs[4].url == "https://api.elevenlabs.io");
  CHECK(specs[4].model == "scribe_v2_realtime");
  CHECK(specs[5].engine == "whisper");
}

TEST_CASE("what is wrong with the list is told with the entry") {
  for (const char* wrong :
       {R"(["wisper"])", R"([""])", R"(["openai"])", R"(["whisper model=x"])", R"(["wyoming mood=calm"])",
        R"(["null"])",
        R"(["whisper","whisper","whisper","whisper","whisper","whisper","whisper","whisper","whisper"])"}) {
    CAPTURE(std::string(wrong));
    std::vector<std::string> lines;
    try {
      (void)with({"stt.fallback=" + std::string(wrong)});
    } catch (const ConfigError& error) {
      lines = error.lines();
    }
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find("stt.fallback: ") != std::string::npos);
  }
}

TEST_CASE("the key of OpenAI's kind of voice is needed where a voice is one") {
  CHECK(voice_key_name(with({})).empty());
  CHECK(voice_key_name(with({"tts.voice_ko=openai"})) == "OPENAI_API_KEY");
  CHECK(voice_key_name(with({"tts.fallback_en=openai", "tts.openai_api_key_env=MINE"})) == "MINE");
}

}  // namespace prot::stage
