#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "base/error.hpp"
#include "clauses.hpp"
#include "onnx/session.hpp"
#include "phonemizer.hpp"
#include "voices/builtin.hpp"
#include "voices/piper_config.hpp"
#include "word_timing.hpp"

namespace prot::tts {
namespace {

constexpr int kSilence = 400;
constexpr unsigned kTrailMs = 50;
constexpr unsigned kSentenceGapMs = 130;  // between sentences of one segment, with lead and trail about 200
constexpr std::size_t kLongest = 240;  // characters of one inference; a longer sentence is parted at a clause
constexpr float kPeak = 0.85F;
constexpr float kMostGain = 4.0F;  // a whisper is not made a shout

/// Piper (VITS) by ONNX Runtime: each sentence of a segment is one inference on one thread.
class PiperVoice final : public Voice {
 public:
  explicit PiperVoice(const VoiceOptions& options) : model_(options.piper_model) {}

  void load() override {
    try {
      const std::filesystem::path description = model_ + ".json";
      if (!std::filesystem::exists(model_)) throw Error("the file is missing");
      config_ = PiperConfig::load(description);
      phonemizer_ = std::make_unique<Phonemizer>(config_.espeak_voice);
      phonemizer_->start();
      open_session();
      const std::vector<Clause> warm_up{{"ready now", '.', {}}};
      (void)infer(ids_of(phonemizer_->phonemes({warm_up.front().text}), warm_up));
    } catch (const std::exception& error) {
      throw Error("cannot load the voice " + model_ + ": " + full_message(error) +
                      "; run the set-up again (./run), or set tts.piper_model or tts.voice_en",
                  78);
    }
  }

  void speak(const SpeechRequest& request, VoiceOutput& output) override {
    session_->allow();
    const std::vector<Clause> clauses = split_clauses(request.text);
    std::vector<std::string> texts;
    texts.reserve(clauses.size());
    for (const Clause& clause : clauses) texts.push_back(clause.text);
    if (texts.empty()) return;
    const std::vector<std::string> phonemes = phonemizer_->phonemes(texts);
    std::size_t offset = 0;
    for (std::size_t begin = 0; begin < clauses.size() && !output.cancelled();) {
      std::size_t end = begin + 1;
      std::size_t length = clauses[begin].text.size();
      while (end < clauses.size() && !is_sentence_mark(clauses[end - 1].mark) &&
             length + clauses[end].text.size() <= kLongest)
        length += clauses[end++].text.size();
      offset = speak_sentence(std::span(clauses).subspan(begin, end - begin),
                              std::span(phonemes).subspan(begin, end - begin), offset,
                              begin > 0 && is_sentence_mark(clauses[begin - 1].mark), output);
      begin = end;
    }
  }

  void interrupt() noexcept override {
    if (session_) session_->interrupt();
  }
  [[nodiscard]] unsigned rate() const noexcept override { return config_.rate; }
  [[nodiscard]] std::string name() const override {
    return "piper " + std::filesystem::path(model_).stem().string();
  }

 private:
  void open_session() {
    session_ = std::make_unique<onnx::Session>(model_);
    if (session_->inputs() != (config_.many_speakers ? 4U : 3U) || session_->outputs() != 1)
      throw Error("it is not a Piper voice");
  }

  // The first sample of what comes next.
  std::size_t speak_sentence(std::span<const Clause> clauses, std::span<const std::string> phonemes,
                             std::size_t offset, bool after_sentence, VoiceOutput& output) {
    std::vector<std::int16_t> samples = infer(ids_of(phonemes, clauses));
    if (output.cancelled()) return offset;
    const Range spoken =
        trim_silence(samples, kSilence, config_.rate * kLeadMs / 1000, config_.rate * kTrailMs / 1000);
    if (offset > 0 && after_sentence) {
      const std::size_t gap = config_.rate * kSentenceGapMs / 1000;
      output.samples(std::vector<std::int16_t>(gap));
      offset += gap;
    }
    output.align(align_words(weights_of(clauses, phonemes), spoken, offset));
    offset += samples.size();
    output.samples(std::move(samples));
    return offset;
  }

  [[nodiscard]] std::vector<std::int64_t> ids_of(std::span<const std::string> phonemes,
                                                 std::span<const Clause> clauses) const {
    std::vector<std::int64_t> ids{kPiperBegin, kPiperPad};
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      if (i > 0) config_.append(" ", ids);
      config_.append(phonemes[i], ids);
      if (clauses[i].mark != 0) config_.append(std::string_view(&clauses[i].mark, 1), ids);
    }
    ids.push_back(kPiperEnd);
    return ids;
  }

  // By phonemes where espeak-ng kept the words apart, else by letters.
  [[nodiscard]] static std::vector<WordWeight> weights_of(std::span<const Clause> clauses,
                                                          std::span<const std::string> phonemes) {
    constexpr double kPause = 4;  // a comma, in phonemes
    std::vector<WordWeight> weights;
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      const std::vector<Word> spoken = split_words(phonemes[i]);
      const bool apart = spoken.size() == clauses[i].words.size();
      double total = 0;
      const std::size_t first = weights.size();
      for (std::size_t w = 0; w < clauses[i].words.size(); ++w) {
        const double weight = letter_weight(apart ? spoken[w].text : clauses[i].words[w].text);
        weights.push_back({static_cast<std::uint32_t>(clauses[i].words[w].end_byte), weight});
        total += weight;
      }
      // The clause as a whole takes as long as its phonemes, however they fall on the words.
      const double length = letter_weight(phonemes[i]);
      for (std::size_t w = first; w < weights.size() && total > 0; ++w) weights[w].weight *= length / total;
      if (i > 0 && first < weights.size()) weights[first].weight += kPause;
    }
    return weights;
  }

  [[nodiscard]] std::vector<std::int16_t> infer(const std::vector<std::int64_t>& ids) {
    const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(ids.size())};
    const std::array<std::int64_t, 1> one{1};
    const std::array<std::int64_t, 1> three{3};
    const std::array<std::int64_t, 1> length{static_cast<std::int64_t>(ids.size())};
    const std::array<float, 3> scales{config_.noise_scale, config_.length_scale, config_.noise_w};
    const std::array<std::int64_t, 1> speaker{0};
    std::vector<onnx::Input> inputs{{"input", shape, std::span<const std::int64_t>(ids)},
                                    {"input_lengths", one, std::span<const std::int64_t>(length)},
                                    {"scales", three, std::span<const float>(scales)}};
    if (config_.many_speakers) inputs.push_back({"sid", one, std::span<const std::int64_t>(speaker)});
    return to_samples(session_->run(inputs, "output"));
  }

  [[nodiscard]] static std::vector<std::int16_t> to_samples(std::span<const float> wave) {
    float peak = 0;
    for (const float value : wave) peak = std::max(peak, std::abs(value));
    const float gain = 32767.0F * std::min(kMostGain, peak > 0 ? kPeak / peak : 0.0F);
    std::vector<std::int16_t> samples(wave.size());
    std::transform(wave.begin(), wave.end(), samples.begin(), [gain](float value) {
      return static_cast<std::int16_t>(std::lround(std::clamp(value * gain, -32767.0F, 32767.0F)));
    });
    return samples;
  }

  std::string model_;
  std::unique_ptr<onnx::Session> session_;  // from load() on
  PiperConfig config_;
  std::unique_ptr<Phonemizer> phonemizer_;
};

}  // namespace

std::unique_ptr<Voice> make_piper(const VoiceOptions& options) {
  return std::make_unique<PiperVoice>(options);
}

}  // namespace prot::tts
