// How far off the reckoned ends of words are, in the speech of a real voice that tells them: Piper's.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "base/paths.hpp"
#include "service_bench.hpp"
#include "tts/voices/paced_take.hpp"

namespace prot::tts::test {
namespace {

constexpr const char* kTexts[] = {
    "The capital of France is Paris.",
    "A spider has eight legs, and most of them have eight eyes as well.",
    "Once upon a time, a fox lived in the woods near a wide, slow river.",
    "The sky is usually blue on a clear day; at dusk it turns red, then violet.",
    "There are seven days in a week.",
    "If you boil water at sea level, it takes about a hundred degrees Celsius.",
    "Every morning it walked to the water, looked at the fish, and went home hungry.",
    "You asked me about the weather: it will rain in the afternoon, but the evening stays dry.",
};

/// The bytes of the text that are said at a sample, by an alignment.
std::uint32_t said_at(const std::vector<wire::AlignPoint>& alignment, std::uint32_t sample) {
  std::uint32_t byte = 0;
  for (const wire::AlignPoint& point : alignment)
    if (point.sample <= sample) byte = point.byte;
  return byte;
}

}  // namespace

TEST_CASE(
    "in the speech of a real voice the reckoned words are, on the average, within one of the true ones") {
  VoiceOptions options;
  options.piper_model = (instance_paths("default").cache / "models" / "piper-joe.onnx").string();
  const SteadyClock clock;
  const ipc::Doorbell bell = ipc::Doorbell::create();
  WorkerSynthesizer voice(make_voice("piper", options), &bell, clock);
  voice.start();
  Pace pace;
  double sum = 0;
  double worst = 0;
  int looks = 0;
  for (const std::string text : kTexts) {
    voice.begin({1, 0, text, "en"});
    const Spoken truth = listen(voice, bell);
    REQUIRE(done(truth));
    std::string bytes(truth.samples.size() * 2, '\0');
    std::memcpy(bytes.data(), truth.samples.data(), bytes.size());
    PacedTake take(text, 0, pace);
    REQUIRE(take.set_format(truth.rate, 1));
    std::deque<Piece> pieces;
    take.take(bytes, 1, pieces);
    take.finish(pieces);
    Spoken reckoned;
    for (const Piece& piece : pieces) ServiceBench::take(reckoned, piece);
    // Whoever interrupts, does so at any time: look every tenth of a second.
    for (std::uint32_t at = 0; at < truth.samples.size(); at += truth.rate / 10) {
      const double bytes_off = static_cast<double>(said_at(reckoned.alignment, at)) -
                               static_cast<double>(said_at(truth.alignment, at));
      const double words_off = std::abs(bytes_off) / 5.7;  // letters of a word and its space, in these texts
      sum += words_off;
      worst = std::max(worst, words_off);
      ++looks;
    }
  }
  MESSAGE("off by ", sum / looks, " words on the average, ", worst, " at worst, in ", looks, " looks");
  CHECK(sum / looks < 1);
}

}  // namespace prot::tts::test
