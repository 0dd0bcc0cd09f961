#include "base/error.hpp"
#include "service_client.hpp"
#include "tts/voices/elevenlabs.hpp"
#include "tts/voices/openai.hpp"
#include "tts/voices/wyoming.hpp"

namespace prot::test {
namespace {

/// Adler-32 of samples as they lie in memory: two texts never sound the same.
class Sum {
 public:
  void add(const std::vector<std::int16_t>& samples) {
    for (const std::int16_t sample : samples) {
      take(static_cast<std::uint16_t>(sample) & 255U);
      take(static_cast<std::uint16_t>(sample) >> 8U);
    }
    count_ += samples.size();
  }
  [[nodiscard]] std::string words() const {
    return std::to_string(count_) + " samples, sum " + std::to_string((b_ << 16U) + a_);
  }

 private:
  void take(std::uint32_t byte) {
    constexpr std::uint32_t kPrime = 65521;
    a_ = (a_ + byte) % kPrime;
    b_ = (b_ + a_) % kPrime;
  }
  std::size_t count_ = 0;
  std::uint32_t a_ = 1;
  std::uint32_t b_ = 0;
};

/// {"text":"..."}: a segment; the outcome tells its samples by number and sum.
class VoiceClient final : public ServiceClient {
 public:
  explicit VoiceClient(std::unique_ptr<tts::Synthesizer> voice) : voice_(std::move(voice)) {
    voice_->start();
  }
  ~VoiceClient() override { voice_->stop(); }
  VoiceClient(const VoiceClient&) = delete;
  VoiceClient& operator=(const VoiceClient&) = delete;

  void ask(json::View order) override {
    sum_ = {};
    voice_->begin({++turn_, 0, std::string(order.get("text").as_string()), "en"});
  }
  void cancel() override { voice_->cancel(); }
  std::optional<Outcome> poll() override {
    tts::Piece piece;
    while (voice_->poll(piece)) {
      if (piece.kind == tts::Piece::Kind::kSamples) sum_.add(piece.samples);
      if (piece.kind == tts::Piece::Kind::kDone) return Outcome{sum_.words(), "", ""};
      if (piece.kind == tts::Piece::Kind::kFailed)
        return Outcome{"", tts::to_string(piece.error), piece.message};
    }
    return std::nullopt;
  }
  [[nodiscard]] Nanos next_deadline() const override { return voice_->next_deadline(); }
  void tend() override { voice_->tend(); }

 private:
  std::unique_ptr<tts::Synthesizer> voice_;
  std::uint32_t turn_ = 0;
  Sum sum_;
};

std::unique_ptr<tts::Synthesizer> make_elevenlabs(std::string_view transport, const std::string& url,
                                                  const Wake& wake) {
  tts::ElevenLabsOptions options;
  options.url = url;
  options.api_key = "loopback";
  options.voice_id = "loopback";
  options.transport = transport;
  options.wake = wake;
  return tts::make_elevenlabs_voice(options);
}

std::unique_ptr<tts::Synthesizer> make_openai(const std::string& url, const Wake& wake) {
  tts::OpenAiVoiceOptions options;
  options.url = tts::speech_endpoint(url, false);
  options.model = options.voice = "loopback";
  options.wake = wake;
  return tts::make_openai_voice(options);
}

std::unique_ptr<tts::Synthesizer> make_wyoming(const std::string& url, const Wake& wake) {
  tts::WyomingOptions options;
  options.address = tts::wyoming_voice_address(url, false);
  options.wake = wake;
  return tts::make_wyoming_voice(options);
}

}  // namespace

std::unique_ptr<ServiceClient> make_voice_client(std::string_view voice, const Where& where,
                                                 const Wake& wake) {
  const std::string& url = where.front();
  if (voice == "openai") return std::make_unique<VoiceClient>(make_openai(url, wake));
  if (voice == "wyoming") return std::make_unique<VoiceClient>(make_wyoming(url, wake));
  if (voice == "socket" || voice == "http")
    return std::make_unique<VoiceClient>(make_elevenlabs(voice, url, wake));
  throw UsageError("there is no voice '" + std::string(voice) + "'");
}

}  // namespace prot::test
