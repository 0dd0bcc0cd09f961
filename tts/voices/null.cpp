#include "voices/builtin.hpp"

namespace prot::tts {
namespace {

/// Says nothing, at once.
class NullVoice final : public Voice {
 public:
  void load() override {}
  void speak(const SpeechRequest& /*request*/, VoiceOutput& /*output*/) override {}
  [[nodiscard]] unsigned rate() const noexcept override { return 16'000; }
  [[nodiscard]] std::string name() const override { return "null"; }
};

}  // namespace

std::unique_ptr<Voice> make_null(const VoiceOptions& /*options*/) { return std::make_unique<NullVoice>(); }

}  // namespace prot::tts
