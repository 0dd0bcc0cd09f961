#include <cstring>

#include "base/copy_bytes.hpp"
#include "base/error.hpp"
#include "base/subprocess.hpp"
#include "clauses.hpp"
#include "voices/builtin.hpp"
#include "word_timing.hpp"

namespace prot::tts {
namespace {

constexpr unsigned kRate = 22'050;
constexpr int kSilence = 300;
constexpr Nanos kEndWithin = 5 * kSecond;  // it takes a thousandth of what it says
constexpr std::size_t kLead = kRate * kLeadMs / 1000;
constexpr std::size_t kTrail = kRate * 50 / 1000;

/// The samples of a WAV file in memory whose sizes are not to be trusted: it was written into a pipe.
std::vector<std::int16_t> samples_of(const std::string& wav) {
  if (wav.size() < 12 || wav.compare(0, 4, "RIFF") != 0 || wav.compare(8, 4, "WAVE") != 0)
    throw Error("espeak-ng wrote no sound (is its data for this language installed?)");
  std::size_t at = 12;
  while (at + 8 <= wav.size()) {
    std::uint32_t size = 0;
    std::memcpy(&size, wav.data() + at + 4, sizeof size);
    const bool is_data = wav.compare(at, 4, "data") == 0;
    if (is_data) {
      const std::size_t bytes = std::min<std::size_t>(size, wav.size() - at - 8);
      std::vector<std::int16_t> samples(bytes / 2);
      copy_bytes(samples.data(), wav.data() + at + 8, samples.size() * 2);
      return samples;
    }
    at += 8 + size + size % 2;
  }
  throw Error("espeak-ng wrote a WAV file without samples");
}

/// The program espeak-ng (GPL-3, so never linked) speaks each segment by itself: small, at once, robotic.
class EspeakVoice final : public Voice {
 public:
  explicit EspeakVoice(const VoiceOptions& options)
      : voice_(options.language == "en" ? "en-us" : options.language),
        words_per_minute_(std::to_string(options.words_per_minute)) {}

  void load() override {
    try {
      (void)run("a");
    } catch (const Error& error) {
      throw Error("cannot speak with espeak-ng -v " + voice_ + ": " + full_message(error) +
                      "; install it (apt-get install espeak-ng) or set another voice in prot.toml",
                  78);
    }
  }
  void speak(const SpeechRequest& request, VoiceOutput& output) override {
    std::vector<std::int16_t> samples = run(request.text);
    const Range spoken = trim_silence(samples, kSilence, kLead, kTrail);
    std::vector<WordWeight> weights;
    for (const Word& word : split_words(request.text))
      weights.push_back({static_cast<std::uint32_t>(word.end_byte), letter_weight(word.text)});
    output.align(align_words(weights, spoken, 0));
    output.samples(std::move(samples));
  }
  [[nodiscard]] unsigned rate() const noexcept override { return kRate; }
  [[nodiscard]] std::string name() const override { return "espeak-ng " + voice_; }

 private:
  [[nodiscard]] std::vector<std::int16_t> run(const std::string& text) const {
    const SubprocessResult result =
        run_subprocess({"espeak-ng", "--stdin", "--stdout", "-v", voice_, "-s", words_per_minute_}, text,
                       {.within = kEndWithin});
    if (result.timed_out) throw Error("it does not end");
    if (result.exit_code != 0) throw Error("exit code " + std::to_string(result.exit_code));
    return samples_of(result.output);
  }

  std::string voice_;
  std::string words_per_minute_;
};

}  // namespace

std::unique_ptr<Voice> make_espeak(const VoiceOptions& options) {
  return std::make_unique<EspeakVoice>(options);
}

}  // namespace prot::tts
