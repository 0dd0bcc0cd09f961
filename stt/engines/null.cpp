#include <utility>

#include "engines/backends.hpp"

namespace prot::stt {
namespace {

/// Understands nothing: every utterance is empty. Makes the whole run without an engine.
class NullRecognizer final : public SpeechRecognizer {
 public:
  void begin() override {
    samples_ = 0;
    answer_.reset();
  }
  void push(std::span<const std::int16_t> samples) override { samples_ += samples.size(); }
  bool guess() override { return false; }
  void retract() override {}
  void finish() override {
    const Nanos now = monotonic_now();
    answer_ = Recognition{true, "", FailureClass::kNone, samples_, now, now};
  }
  void set_busy(bool) noexcept override {}
  std::optional<Recognition> poll() override { return std::exchange(answer_, std::nullopt); }
  std::string_view name() const noexcept override { return "null"; }

 private:
  std::uint64_t samples_ = 0;
  std::optional<Recognition> answer_;
};

}  // namespace

std::unique_ptr<SpeechRecognizer> make_null_recognizer(const RecognizerOptions&) {
  return std::make_unique<NullRecognizer>();
}

}  // namespace prot::stt
