// Prot's own voice on a real sound server: it does not interrupt itself, and hears a person over itself. Exit
// code 77 (skipped) when PulseAudio is not installed.
//   echo-pulse-test --measure PROT_FOLDER PERSON_FOLDER DELAY_MS ATTENUATION_DB    figures, by hand
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "audio/resampler.hpp"
#include "audio/wav_file.hpp"
#include "base/error.hpp"
#include "tests/capture/echo_rig.hpp"
#include "tests/support/synthetic_speech.hpp"

namespace prot::capture {
namespace {

using Samples = std::vector<std::int16_t>;
constexpr double kProt = -20;    // dBFS
constexpr double kPerson = -26;  // at the microphone

std::unique_ptr<VoiceDetector> detector() {
  return make_detector("silero", test::installed_model("ggml-silero-v6.2.0.bin"));
}
std::unique_ptr<EchoCanceller> canceller() { return make_echo_canceller("webrtc"); }

int count(const std::vector<EchoRig::Event>& events, wire::Heard what) {
  return static_cast<int>(std::count_if(events.begin(), events.end(),
                                        [what](const EchoRig::Event& event) { return event.what == what; }));
}

Samples prot_says(const std::string& text) {
  return test::at_level(test::synthetic_speech(text, "en-us"), kProt);
}
Samples person_says(const std::string& text) {
  return test::at_level(test::synthetic_speech(text, "en-gb-x-rp+f3"), kPerson);
}

const std::vector<std::string> kSentences = {
    "The sky is usually blue on a clear day, and red in the evening.",
    "A spider has eight legs, and most insects have only six of them.",
    "Once upon a time there was a fox who lived at the edge of a large forest.",
    "There are seven days in a week, and about fifty two weeks in a year."};

TEST_CASE("prot does not interrupt itself, and is interrupted by a person") {
  EchoRig rig({.delay_ms = 5, .attenuation_db = 10}, detector(), canceller());
  for (const std::string& sentence : kSentences) {
    rig.say(prot_says(sentence));
    rig.run_until_said(800 * kMillisecond);
  }
  const auto own = rig.events();
  MESSAGE(rig.counter("echo_removed_db"), " dB removed, ", rig.counter("echo_slips"), " slips");
  CHECK(count(own, wire::Heard::kConfirmed) == 0);
  CHECK(rig.counter("echo_removed_db") >= 15);

  for (const char* words :
       {"Stop, please. How many days are in a month?", "Wait a moment, that is not what I meant."}) {
    rig.say(prot_says(kSentences[2]));
    rig.run(1500 * kMillisecond);
    CHECK(count(rig.events(), wire::Heard::kConfirmed) == 0);
    rig.speak(person_says(words));
    rig.run(2 * kSecond);
    CHECK(count(rig.events(), wire::Heard::kConfirmed) >= 1);  // some say two sentences
    rig.run_until_said(2 * kSecond);
    (void)rig.events();
  }
}

std::vector<Samples> load(const std::filesystem::path& folder, double level_db) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Samples> all;
  for (const auto& file : files) {
    audio::WavReader reader(file);
    audio::Resampler resampler(reader.rate(), wire::kMicRate);
    Samples samples;
    resampler.process(reader.read_all(), samples);
    resampler.flush(samples);
    all.push_back(test::at_level(std::move(samples), level_db));
  }
  return all;
}

int measure(char** argv) {
  const auto voices = load(argv[0], kProt);
  const auto people = load(argv[1], kPerson);
  EchoRig rig({.delay_ms = std::stod(argv[2]), .attenuation_db = std::stod(argv[3]), .tail_ms = 80},
              detector(), canceller());
  int holds = 0;
  int interruptions = 0;
  for (const Samples& voice : voices) {
    rig.say(voice);
    rig.run_until_said(800 * kMillisecond);
    const auto events = rig.events();
    holds += count(events, wire::Heard::kStarted);
    interruptions += count(events, wire::Heard::kConfirmed);
  }
  fmt::print("{} sentences: {} false holds, {} false interruptions; {} dB removed, {} slips\n", voices.size(),
             holds, interruptions, rig.counter("echo_removed_db"), rig.counter("echo_slips"));
  std::vector<double> waits;
  for (std::size_t i = 0; i < people.size(); ++i) {
    Samples reply;
    for (std::size_t k = 0; k < 3; ++k)
      reply.insert(reply.end(), voices[(i + k) % voices.size()].begin(),
                   voices[(i + k) % voices.size()].end());
    rig.say(reply);
    rig.run(kSecond + static_cast<Nanos>(i) * 37 * kMillisecond);
    (void)rig.events();
    const Nanos onset = monotonic_now();
    rig.speak(people[i]);
    rig.run(2 * kSecond);
    for (const EchoRig::Event& event : rig.events()) {
      if (event.what != wire::Heard::kConfirmed) continue;
      waits.push_back(static_cast<double>(event.decided - onset) / kMillisecond);
      break;
    }
    rig.cancel();
    rig.run_until_said(1200 * kMillisecond);
    (void)rig.events();
  }
  std::sort(waits.begin(), waits.end());
  fmt::print("{} barge-ins: {} heard; confirmed after {:.0f} ms (p50), {:.0f} ms (worst)\n", people.size(),
             waits.size(), waits.empty() ? -1 : waits[waits.size() / 2], waits.empty() ? -1 : waits.back());
  return 0;
}

}  // namespace
}  // namespace prot::capture

int main(int argc, char** argv) {
  if (!prot::test::PrivatePulse::installed()) return 77;
  if (argc != 6 || std::string_view(argv[1]) != "--measure") return doctest::Context(argc, argv).run();
  doctest::Context context;  // the rig asserts too, and here no test case runs
  context.setAsDefaultForAssertsOutOfTestCases();
  context.setAssertHandler([](const doctest::AssertData& data) {
    if (data.m_failed) throw prot::Error(fmt::format("{}:{}: {}", data.m_file, data.m_line, data.m_expr));
  });
  return prot::capture::measure(argv + 2);
}
