#include <cmath>
#include <numbers>

#include "clauses.hpp"
#include "voices/builtin.hpp"
#include "word_timing.hpp"

namespace prot::tts {
namespace {

constexpr unsigned kRate = 16'000;
constexpr std::size_t kToneSamples = kRate * 160 / 1000;
constexpr std::size_t kGapSamples = kRate * 40 / 1000;
constexpr std::size_t kRamp = kRate * 5 / 1000;
constexpr std::size_t kFade = kRate * 10 / 1000;  // player's
constexpr std::size_t kLead = kRate * kLeadMs / 1000;

/// For tests: word n of a segment is a tone of 300 + 50 (n mod 12) Hz, 160 ms long, with 40 ms of silence
/// after it; before the first is the silence that every voice begins with. The same text gives the same
/// samples. The alignment is exact: a word is over 10 ms before the end of its tone, for an interruption
/// fades as long as that.
class ToneVoice final : public Voice {
 public:
  void load() override {}
  void speak(const SpeechRequest& request, VoiceOutput& output) override {
    const std::vector<Word> words = split_words(request.text);
    std::vector<wire::AlignPoint> points;
    for (std::size_t i = 0; i < words.size(); ++i)
      points.push_back(
          {static_cast<std::uint32_t>(words[i].end_byte),
           static_cast<std::uint32_t>(kLead + i * (kToneSamples + kGapSamples) + kToneSamples - kFade)});
    output.align(std::move(points));
    output.samples(std::vector<std::int16_t>(kLead));
    for (std::size_t i = 0; i < words.size() && !output.cancelled(); ++i) output.samples(tone(i));
  }
  [[nodiscard]] unsigned rate() const noexcept override { return kRate; }
  [[nodiscard]] std::string name() const override { return "tone"; }

 private:
  [[nodiscard]] static std::vector<std::int16_t> tone(std::size_t word) {
    std::vector<std::int16_t> samples(kToneSamples + kGapSamples);
    const double step = 2 * std::numbers::pi * (300.0 + 50.0 * static_cast<double>(word % 12)) / kRate;
    for (std::size_t i = 0; i < kToneSamples; ++i) {
      const std::size_t edge = std::min(i, kToneSamples - 1 - i);
      const double gain = edge < kRamp ? static_cast<double>(edge) / kRamp : 1.0;
      samples[i] =
          static_cast<std::int16_t>(std::lround(8000 * gain * std::sin(step * static_cast<double>(i))));
    }
    return samples;
  }
};

}  // namespace

std::unique_ptr<Voice> make_tone(const VoiceOptions& /*options*/) { return std::make_unique<ToneVoice>(); }

}  // namespace prot::tts
