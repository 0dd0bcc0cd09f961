#include <doctest/doctest.h>

#include <map>

#include "base/error.hpp"
#include "voice_bench.hpp"

namespace prot::tts::test {
namespace {

const SteadyClock kClock;

Spoken speak(const std::string& language, const std::string& text) {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  VoiceOptions options;
  options.language = language;
  WorkerSynthesizer voice(make_voice("espeak", options), &bell, kClock);
  voice.start();
  voice.begin({1, 0, text, language});
  return listen(voice, bell);
}

}  // namespace

TEST_CASE("espeak-ng speaks Korean and English") {
  const std::map<std::string, std::string> texts{{"ko", "안녕하세요. 오늘은 날씨가 좋습니다."},
                                                 {"en", "Hello, this is a test."}};
  for (const auto& one : texts) {
    const std::string& language = one.first;
    const std::string& text = one.second;
    CAPTURE(language);
    const Spoken spoken = speak(language, text);
    REQUIRE(spoken.end.kind == Piece::Kind::kDone);
    CHECK(spoken.rate == 22'050);
    CHECK(spoken.samples.size() > 22'050);
    CHECK(is_sound(spoken, text.size()));
    CHECK(leading_silence_ms(spoken) <= 25);
  }
}

TEST_CASE("a text that looks like an option is spoken") {
  CHECK(speak("en", "--help is an option").end.kind == Piece::Kind::kDone);
}

TEST_CASE("a language that espeak-ng does not have is refused at the start") {
  VoiceOptions options;
  options.language = "xx-none";
  const auto voice = make_voice("espeak", options);
  try {
    voice->load();
    FAIL("it was loaded");
  } catch (const Error& error) {
    CHECK(error.exit_code() == 78);
  }
}

}  // namespace prot::tts::test
