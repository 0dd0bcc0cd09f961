#include "service_client.hpp"
#include "stt/speech_recognizer.hpp"

namespace prot::test {
namespace {

constexpr double kRate = 16'000;

const char* name_of(stt::FailureClass failure) {
  switch (failure) {
    case stt::FailureClass::kNone:
      return "";
    case stt::FailureClass::kRetry:
      return "retry";
    case stt::FailureClass::kAuth:
      return "auth";
    case stt::FailureClass::kQuota:
      return "quota";
    case stt::FailureClass::kFatal:
      return "fatal";
  }
  return "";
}

std::vector<std::int16_t> noise(std::size_t count) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] = static_cast<std::int16_t>(static_cast<int>(i * 31 % 6000) - 3000);
  return samples;
}

/// {"seconds":0.8,"finish":true}: an utterance of that length; without "finish" it does not end. It is given
/// up as stt's stage does that: by the next one.
class RecogniserClient final : public ServiceClient {
 public:
  explicit RecogniserClient(std::unique_ptr<stt::SpeechRecognizer> recognizer)
      : recognizer_(std::move(recognizer)) {}

  void ask(json::View order) override {
    recognizer_->begin();
    recognizer_->push(noise(static_cast<std::size_t>(order.get("seconds").as_double() * kRate)));
    if (order.get("finish").as_bool()) recognizer_->finish();
  }
  void cancel() override { recognizer_->begin(); }
  std::optional<Outcome> poll() override {
    while (const std::optional<stt::Recognition> answer = recognizer_->poll()) {
      if (answer->partial) continue;
      const bool failed = answer->failure != stt::FailureClass::kNone;
      return Outcome{failed ? "" : answer->text, name_of(answer->failure), failed ? answer->text : ""};
    }
    return std::nullopt;
  }
  [[nodiscard]] Nanos next_deadline() const override { return recognizer_->next_deadline(); }

 private:
  std::unique_ptr<stt::SpeechRecognizer> recognizer_;
};

}  // namespace

std::unique_ptr<ServiceClient> make_recogniser_client(std::string_view engine, const Where& where,
                                                      const Wake& wake) {
  stt::RecognizerOptions options;
  options.url = where.front();
  options.model_name = engine == "elevenlabs" ? "scribe_v2_realtime" : "loopback";
  options.api_key = "loopback";
  options.wake = wake;
  return std::make_unique<RecogniserClient>(stt::make_recognizer(engine, options));
}

}  // namespace prot::test
