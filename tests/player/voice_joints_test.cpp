// A reply of six segments by the real prot-tts and prot-player, recorded: between them is the silence that
// was asked for and nothing else, and no sample jumps. Usage: voice-joints-test TTS PLAYER [doctest options]
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <thread>

#include "base/paths.hpp"
#include "tests/support/recording.hpp"
#include "voice_rig.hpp"
#ifdef PROT_HAVE_PULSE
#include "audio/pulse_stream.hpp"
#include "tests/support/private_pulse.hpp"
#endif

namespace prot {
namespace {

using test::Recording;
using test::Rig;
using wire::Played;

struct Segment {
  const char* text;
  std::uint32_t joins;
};
constexpr Segment kReply[] = {{"Well, of course,", 0},
                              {"there are seven days in every week.", 1},
                              {"Monday is the first one.", 0},
                              {"After it comes Tuesday, and so on.", 0},
                              {"On Sunday,", 0},
                              {"nearly everybody rests.", 1}};
constexpr int kSentences = 3;  // borders with a pause
constexpr int kWords = 27;

void speak(Rig& rig) {
  std::uint32_t number = 0;
  for (const Segment& segment : kReply) rig.segment(1, number++, segment.text, segment.joins);
  rig.turn_end(1, number);
  (void)rig.wait_for(Played::kTurnDone);
}

/// All in all; where the time of every tone is known.
void check_tones(Recording recording) {
  const std::vector<double> silences = recording.silences(30);
  int sentences = 0;
  int clauses = 0;
  double longest = 0;
  double shortest = 1000;
  for (const double silence : silences) {
    if (silence > 100) {
      ++sentences;
      longest = std::max(longest, silence);
      shortest = std::min(shortest, silence);
    } else {
      ++clauses;
    }
  }
  MESSAGE("sentences: ", sentences, " silences of ", shortest, " to ", longest, " ms (asked: 200 + 55); ",
          clauses, " of 40 or 60 ms; largest step in quiet ", recording.largest_step_in_quiet(), " (",
          recording.where_in_quiet(), " ms), anywhere ", recording.largest_step());
  CHECK(sentences == kSentences);
  CHECK(longest < 255 + 15);  // 40 behind a tone, 15 before a segment
  CHECK(shortest > 255 - 15);
  CHECK(clauses == kWords - 1 - kSentences);
  CHECK(recording.largest_step_in_quiet() < 150);
}

void check_speech(Recording recording) {
  const std::vector<double> silences = recording.silences(60);
  const double longest = silences.empty() ? 0 : *std::max_element(silences.begin(), silences.end());
  std::string all;
  for (const double silence : silences) all += std::to_string(std::lround(silence)) + " ";
  MESSAGE("silences of 60 ms and more: ", all, "ms; largest step in quiet ",
          recording.largest_step_in_quiet(), " (", recording.where_in_quiet(), " ms), anywhere ",
          recording.largest_step());
  // A voice's own 15 ms before and 50 ms after each segment, and what it says softly.
  CHECK(std::count_if(silences.begin(), silences.end(), [](double ms) { return ms > 200; }) >= kSentences);
  CHECK(longest < 200 + 70 + 150);
  CHECK(recording.largest_step_in_quiet() < 400);
}

std::filesystem::path installed_piper() {
  return instance_paths("default").cache / "models" / "piper-joe.onnx";
}

bool has_piper() { return std::filesystem::exists(installed_piper()); }

/// The installed voice without its dice, so that it says the same each time: now and then the burst of a "t"
/// behind its closure is a step of 800, as a click would be.
class SteadyPiper {
 public:
  SteadyPiper() {
    std::filesystem::create_symlink(installed_piper(), model());
    std::ifstream in(installed_piper().string() + ".json");
    const std::string description{std::istreambuf_iterator<char>(in), {}};
    const std::regex dice(R"re("noise_(scale|w)":\s*[0-9.]+)re");
    const auto found = std::distance(std::sregex_iterator(description.begin(), description.end(), dice), {});
    REQUIRE(found == 2);
    std::ofstream(model() + ".json") << std::regex_replace(description, dice, R"re("noise_$1": 0)re");
  }
  [[nodiscard]] std::string model() const { return (folder_.path() / "steady.onnx").string(); }

 private:
  test::TempFolder folder_;
};

Recording file_of(Rig& rig) {
  rig.end_of_stream();
  CHECK(rig.tts->end(0) == 0);
  CHECK(rig.player->end(0) == 0);
  audio::WavReader reader(rig.recording(rig.files));
  return Recording(reader.read_all(), reader.rate());
}

#ifdef PROT_HAVE_PULSE
/// What a sink's monitor hears, from construction to take().
class Monitor {
 public:
  explicit Monitor(const test::PrivatePulse& pulse)
      : stream_({.server = pulse.server(),
                 .device = "speaker.monitor",
                 .format = {.rate = kRate, .channels = 1}}),
        thread_([this] { run(); }) {}
  ~Monitor() { end(); }
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  [[nodiscard]] Recording take() {
    end();
    return Recording(std::move(samples_), kRate);
  }

 private:
  static constexpr unsigned kRate = 24'000;
  void run() {
    std::vector<std::int16_t> block(240);
    while (!stop_) {
      stream_.read(block);
      samples_.insert(samples_.end(), block.begin(), block.end());
    }
  }
  void end() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  audio::PulseRecord stream_;
  std::vector<std::int16_t> samples_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Recording heard_on_pulse(const std::string& voice, const std::string& piper_model = {}) {
  const test::PrivatePulse pulse;
  Monitor monitor(pulse);
  ::setenv("PULSE_SERVER", pulse.server().c_str(), 1);
  {
    Rig rig(voice, "player.sink=pulse\nplayer.device=speaker", piper_model);
    speak(rig);
    rig.end_of_stream();
    CHECK(rig.tts->end(0) == 0);
    CHECK(rig.player->end(0) == 0);
  }
  ::unsetenv("PULSE_SERVER");
  ::poll(nullptr, 0, 300);  // what the monitor has not handed out yet
  return monitor.take();
}
#endif

}  // namespace

TEST_CASE("tones into a file") {
  Rig rig("tone");
  speak(rig);
  check_tones(file_of(rig));
}

TEST_CASE("Piper into a file" * doctest::skip(!has_piper())) {
  const SteadyPiper piper;
  Rig rig("piper", {}, piper.model());
  speak(rig);
  check_speech(file_of(rig));
}

#ifdef PROT_HAVE_PULSE
TEST_CASE("tones on PulseAudio" * doctest::skip(!test::PrivatePulse::installed())) {
  check_tones(heard_on_pulse("tone"));
}

TEST_CASE("Piper on PulseAudio" * doctest::skip(!has_piper() || !test::PrivatePulse::installed())) {
  const SteadyPiper piper;
  check_speech(heard_on_pulse("piper", piper.model()));
}
#endif

}  // namespace prot

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  prot::test::tts_program = argv[1];
  prot::test::player_program = argv[2];
  return doctest::Context(argc - 2, argv + 2).run();
}
