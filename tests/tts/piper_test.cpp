#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "tts/phonemizer.hpp"
#include "tts/voices/piper_config.hpp"
#include "voice_bench.hpp"

namespace prot::tts::test {
namespace {

const SteadyClock kClock;

std::string model() { return (instance_paths("default").cache / "models" / "piper-joe.onnx").string(); }

std::unique_ptr<Voice> piper(const std::string& file) {
  VoiceOptions options;
  options.piper_model = file;
  return make_voice("piper", options);
}

std::string refusal(const std::string& file) {
  try {
    piper(file)->load();
  } catch (const Error& error) {
    CHECK(error.exit_code() == 78);
    return error.what();
  }
  return "not refused";
}

}  // namespace

TEST_CASE("phonemes come clause by clause, also where espeak-ng would break a clause") {
  Phonemizer phonemizer("en-us");
  phonemizer.start();
  const auto lines = phonemizer.phonemes({"hello", "the end of the day", "well. yes", "API"});
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "həlˈoʊ");
  CHECK(lines[2] == "wˈɛl jˈɛs");
  for (const std::string& line : lines) CHECK(line.find('\n') == std::string::npos);
}

TEST_CASE("ids are begin, a pad behind each phoneme, end") {
  const PiperConfig config = PiperConfig::load(model() + ".json");
  std::vector<std::int64_t> ids;
  CHECK(config.append("ab?\u4e2d", ids) == 3);  // what it does not know is left out
  CHECK(ids == std::vector<std::int64_t>{14, 0, 15, 0, 13, 0});
}

TEST_CASE("Piper speaks: audible at once, aligned, faster than real time") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(piper(model()), &bell, kClock);
  const Nanos begin = monotonic_now();
  voice.start();
  MESSAGE("load and warm-up ", (monotonic_now() - begin) / kMillisecond, " ms");
  for (const std::string text :
       {"The capital is Paris.", "Hello, my friend. How are you today?",
        "It has been a long day, and I am glad that you have come to talk with me."}) {
    CAPTURE(text);
    voice.begin({1, 0, text, "en"});
    const Spoken spoken = listen(voice, bell);
    REQUIRE(spoken.end.kind == Piece::Kind::kDone);
    CHECK(is_sound(spoken, text.size()));
    CHECK(leading_silence_ms(spoken) <= 25);
    const double seconds = static_cast<double>(spoken.samples.size()) / spoken.rate;
    const Nanos took = monotonic_now() - spoken.end.began_ns;
    MESSAGE(seconds, " s of speech: first audio ",
            (spoken.end.first_audio_ns - spoken.end.began_ns) / kMillisecond, " ms, RTF ",
            static_cast<double>(took) / static_cast<double>(kSecond) / seconds);
    CHECK(seconds > 0.8);
    CHECK(seconds < 8);
  }
}

TEST_CASE("a cancel ends an inference that is under way, and the next request is spoken") {
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(piper(model()), &bell, kClock);
  voice.start();
  std::string text;
  for (int i = 0; i < 20; ++i) text += "and then there was one more thing to be said about it ";
  voice.begin({1, 0, text, "en"});
  pollfd nothing{-1, 0, 0};
  ::poll(&nothing, 1, 50);  // let it get into the engine
  voice.cancel();
  voice.begin({2, 0, "Yes.", "en"});
  const Spoken spoken = listen(voice, bell);
  CHECK(spoken.end.kind == Piece::Kind::kDone);
  CHECK(spoken.samples.size() < 2 * 22'050);
}

TEST_CASE("a voice that is missing, cut short or none at all is refused in one line that says what to do") {
  const auto folder = std::filesystem::temp_directory_path() / ("prot-piper-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string file = (folder / "voice.onnx").string();
  CHECK(refusal(file).find(file + ": the file is missing") != std::string::npos);
  std::ofstream(file) << "not a model";
  CHECK(refusal(file).find("voice.onnx.json") != std::string::npos);
  std::filesystem::copy_file(model() + ".json", file + ".json");
  const std::string why = refusal(file);
  CHECK(why.find(file) != std::string::npos);
  CHECK(why.find("run the set-up again") != std::string::npos);
  CHECK(why.find('\n') == std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace prot::tts::test
