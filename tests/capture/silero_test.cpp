// Silero with its real model.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "capture/voice_detector.hpp"
#include "tests/support/synthetic_speech.hpp"
#include "tests/support/temp_folder.hpp"
#include "wire/speech_in.hpp"

namespace prot::capture {
namespace {

std::unique_ptr<VoiceDetector> silero() {
  return make_detector("silero", test::installed_model("ggml-silero-v6.2.0.bin"));
}

/// Share of the windows that count as speech.
double speech_share(VoiceDetector& detector, std::span<const std::int16_t> samples) {
  std::size_t windows = 0;
  std::size_t speech = 0;
  for (; samples.size() >= wire::kMicWindow; samples = samples.subspan(wire::kMicWindow), ++windows)
    if (detector.probability(samples.first(wire::kMicWindow)) >= 0.5F) ++speech;
  return static_cast<double>(speech) / static_cast<double>(windows);
}

std::vector<std::int16_t> noise(int amplitude) {
  std::mt19937 random(1);
  std::normal_distribution<double> gauss(0, amplitude);
  std::vector<std::int16_t> samples(5 * wire::kMicRate);
  for (std::int16_t& sample : samples) sample = static_cast<std::int16_t>(gauss(random));
  return samples;
}

TEST_CASE("silence and noise are no speech") {
  const auto detector = silero();
  CHECK(speech_share(*detector, std::vector<std::int16_t>(5 * wire::kMicRate)) == 0);
  for (const int amplitude : {30, 300, 3000}) CHECK(speech_share(*detector, noise(amplitude)) < 0.02);
}

TEST_CASE("speech is speech, in noise too") {
  const auto detector = silero();
  std::vector<std::int16_t> samples =
      test::synthetic_speech("Can you tell me how far away the moon is from the earth?");
  CHECK(speech_share(*detector, samples) > 0.8);
  const std::vector<std::int16_t> room = noise(100);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = static_cast<std::int16_t>(std::clamp(samples[i] + room[i % room.size()], -32768, 32767));
  detector->reset();
  CHECK(speech_share(*detector, samples) > 0.8);
}

TEST_CASE("a window costs a small part of its own time") {
  const auto detector = silero();
  const std::vector<std::int16_t> samples = noise(300);
  const Nanos begin = monotonic_now();
  (void)speech_share(*detector, samples);
  const double windows = static_cast<double>(samples.size()) / wire::kMicWindow;
  CHECK(static_cast<double>(monotonic_now() - begin) / windows < 5e6);  // 0.1 ms when the machine is idle
}

TEST_CASE("a bad model file is named, with what to do, and is a matter of configuration") {
  const test::TempFolder folder;
  const auto write = [&](const char* name, const std::string& content) {
    const std::string path = (folder.path() / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  };
  std::string half(400'000, '\0');
  std::ifstream(test::installed_model("ggml-silero-v6.2.0.bin"), std::ios::binary)
      .read(half.data(), static_cast<std::streamsize>(half.size()));
  for (const std::string& path : {(folder.path() / "missing.bin").string(), write("empty.bin", ""),
                                  write("text.bin", std::string(1000, 'x')), write("half.bin", half)}) {
    try {
      (void)make_detector("silero", path);
      FAIL("not refused: " << path);
    } catch (const Error& error) {
      const std::string message = error.what();
      CHECK(message.find(path) != std::string::npos);
      CHECK(message.find("./run") != std::string::npos);
      CHECK(error.exit_code() == 78);
    }
  }
}

}  // namespace
}  // namespace prot::capture
