// whisper.cpp with its real model: what is recognised, how quickly a guess is given up, bad model files.
#include <doctest/doctest.h>
#include <poll.h>

#include <fstream>
#include <random>

#include "base/error.hpp"
#include "ipc/doorbell.hpp"
#include "stt/speech_recognizer.hpp"
#include "tests/support/synthetic_speech.hpp"
#include "tests/support/temp_folder.hpp"
#include "text/normalize.hpp"
#include "wire/speech_in.hpp"

namespace prot::stt {
namespace {

constexpr const char* kSentence = "My sister lives in Chicago and works as a teacher.";

struct Bench {
  ipc::Doorbell bell = ipc::Doorbell::create();
  std::unique_ptr<SpeechRecognizer> recognizer;

  Bench() {
    RecognizerOptions options;
    options.model = test::installed_model("ggml-base-q8_0.bin");
    options.wake = [this] { bell.ring(); };
    recognizer = make_recognizer("whisper", options);
  }
  /// The next answer, within a minute.
  Recognition wait() {
    const Nanos deadline = monotonic_now() + 60 * kSecond;
    for (;;) {
      if (std::optional<Recognition> answer = recognizer->poll()) return *answer;
      const Nanos left = deadline - monotonic_now();
      REQUIRE(left > 0);
      pollfd waiting{bell.fd(), POLLIN, 0};
      (void)::poll(&waiting, 1, static_cast<int>(left / kMillisecond) + 1);
      bell.clear();
    }
  }
  Recognition recognise(const std::vector<std::int16_t>& samples) {
    recognizer->begin();
    recognizer->push(samples);
    recognizer->finish();
    return wait();
  }
};

TEST_CASE("English sentences are recognised with at most 20 % of the words wrong") {
  Bench bench;
  for (const char* said : {"Good morning. What is the weather like in London today?", "No.",
                           "Can you tell me how far away the moon is from the earth?", kSentence}) {
    CAPTURE(said);
    const Recognition answer = bench.recognise(test::synthetic_speech(said));
    CAPTURE(answer.text);
    CHECK(answer.final);
    CHECK(answer.failure == FailureClass::kNone);
    CHECK(text::word_error_rate(said, answer.text) <= 0.2);
    CHECK(answer.decode_end > answer.decode_start);
  }
}

TEST_CASE("silence, noise and too little audio are no words") {
  Bench bench;
  CHECK(bench.recognise(std::vector<std::int16_t>(16'000)).text.empty());
  CHECK(bench.recognise(std::vector<std::int16_t>(100)).text.empty());
  CHECK(bench.recognise({}).text.empty());
  std::mt19937 random(1);
  std::normal_distribution<double> gauss(0, 300);
  std::vector<std::int16_t> noise(24'000);
  for (std::int16_t& sample : noise) sample = static_cast<std::int16_t>(gauss(random));
  CHECK(bench.recognise(noise).text.empty());
}

TEST_CASE("a guess that is taken back never answers, and the next decode is not held up") {
  Bench bench;
  std::vector<std::int16_t> samples;
  while (samples.size() < 20 * wire::kMicRate) {
    const auto more = test::synthetic_speech("The quick brown fox jumps over the lazy dog.");
    samples.insert(samples.end(), more.begin(), more.end());
  }
  bench.recognizer->begin();
  bench.recognizer->push(samples);
  REQUIRE(bench.recognizer->guess());
  bench.recognizer->retract();
  bench.recognizer->begin();
  bench.recognizer->push(test::synthetic_speech(kSentence));
  bench.recognizer->finish();
  const Recognition answer = bench.wait();
  CHECK(answer.final);
  CHECK(text::word_error_rate(kSentence, answer.text) <= 0.2);
  CHECK_FALSE(bench.recognizer->poll().has_value());
}

TEST_CASE("a guess covers what was pushed and is not final") {
  Bench bench;
  const auto samples = test::synthetic_speech(kSentence);
  bench.recognizer->begin();
  bench.recognizer->push(samples);
  REQUIRE(bench.recognizer->guess());
  const Recognition answer = bench.wait();
  CHECK_FALSE(answer.final);
  CHECK(answer.samples == samples.size());
  CHECK(text::word_error_rate(kSentence, answer.text) <= 0.2);
}

TEST_CASE("a bad model file is named, with what to do, and is a matter of configuration") {
  const test::TempFolder folder;
  const auto refused = [&](const std::string& path, const char* why) {
    RecognizerOptions options;
    options.model = path;
    try {
      (void)make_recognizer("whisper", options);
      FAIL("not refused: " << path);
    } catch (const Error& error) {
      const std::string message = error.what();
      CAPTURE(message);
      CHECK(message.find(path) != std::string::npos);
      CHECK(message.find(why) != std::string::npos);
      CHECK(message.find("./run") != std::string::npos);
      CHECK(error.exit_code() == 78);
    }
  };
  const auto write = [&](const char* name, const std::string& content) {
    const std::string path = (folder.path() / name).string();
    std::ofstream(path, std::ios::binary) << content;
    return path;
  };
  refused((folder.path() / "missing.bin").string(), "cannot be opened");
  refused(folder.path().string(), "too short");
  refused(write("empty.bin", ""), "too short");
  refused(write("text.bin", std::string(1000, 'x')), "no ggml file");
  refused(write("other.bin", "lmgg" + std::string(1000, 'x')), "no whisper model");
  refused(test::installed_model("ggml-silero-v6.2.0.bin"), "no whisper model");
  std::string half(1'000'000, '\0');
  std::ifstream(test::installed_model("ggml-base-q8_0.bin"), std::ios::binary)
      .read(half.data(), static_cast<std::streamsize>(half.size()));
  refused(write("half.bin", half), "tensor");
}

}  // namespace
}  // namespace prot::stt
