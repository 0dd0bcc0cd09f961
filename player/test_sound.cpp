#include "test_sound.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <random>
#include <span>
#include <string>

#include "audio/pcm_format.hpp"
#include "audio_thread.hpp"
#include "base/error.hpp"
#include "device_choice.hpp"

namespace prot::player {
namespace {

constexpr double kSilenceBefore = 1.0;
constexpr double kSound = 5.0;
constexpr double kSilenceAfter = 0.5;
constexpr double kSyllables = 4.0;  // a second
constexpr double kRms = 3276.8;     // -20 dBFS
constexpr double kLowest = 150;     // Hz
constexpr double kCorner = 600;     // Hz: above it 6 dB an octave less, as speech has

// Of a filter of first order.
double share(double corner, unsigned rate) { return 1 - std::exp(-2 * std::numbers::pi * corner / rate); }

}  // namespace

std::vector<std::int16_t> test_sound(unsigned rate) {
  const auto samples = [rate](double seconds) { return static_cast<std::size_t>(seconds * rate); };
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same each time is the point
  std::vector<double> wave(samples(kSound));
  double low = 0, lower = 0, sum = 0;
  for (std::size_t i = 0; i < wave.size(); ++i) {
    const double time = static_cast<double>(i) / rate;
    const double noise = static_cast<double>(random()) / 2147483648.0 - 1;
    low += share(kCorner, rate) * (noise - low);
    lower += share(kLowest, rate) * (low - lower);
    const double syllable = 0.5 - 0.5 * std::cos(2 * std::numbers::pi * kSyllables * time);
    const double fade = std::min({1.0, time / 0.05, (kSound - time) / 0.05});
    wave[i] = (low - lower) * (0.1 + 0.9 * syllable) * fade;
    sum += wave[i] * wave[i];
  }
  const double gain = kRms / std::sqrt(sum / static_cast<double>(wave.size()));
  std::vector<std::int16_t> sound(samples(kSilenceBefore));
  for (const double sample : wave)
    sound.push_back(static_cast<std::int16_t>(std::lround(std::clamp(sample * gain, -32768.0, 32767.0))));
  sound.resize(sound.size() + samples(kSilenceAfter));
  return sound;
}

audio::Tape play_on_tape(PcmSink& sink, std::vector<std::int16_t> sound) {
  audio::Tape tape{.rate = sink.rate(), .block = sink.rate() / 100};
  sound.resize((sound.size() + tape.block - 1) / tape.block * tape.block);
  for (std::size_t at = 0; at < sound.size(); at += tape.block) {
    sink.write(std::span(sound).subspan(at, tape.block));
    tape.times.push_back(monotonic_now() + sink.latency() - audio::frames_to_nanos(tape.block, tape.rate));
  }
  sink.drain();
  tape.samples = std::move(sound);
  return tape;
}

int probe_player(const stage::CheckContext& context, std::string_view name) {
  if (name != "sound") throw UsageError("prot-player has no probe '" + std::string(name) + "'");
  const std::unique_ptr<PcmSink> sink = open_first_of(sink_candidates(context.config), {})();
  const std::string bytes = audio::to_bytes(play_on_tape(*sink, test_sound(sink->rate())));
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() ? 0 : 1;
}

}  // namespace prot::player
