#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "synthesizer.hpp"

namespace prot::tts {

/// Where a local voice puts what it has made.
class VoiceOutput {
 public:
  virtual ~VoiceOutput() = default;
  virtual void align(std::vector<wire::AlignPoint> points) = 0;
  virtual void samples(std::vector<std::int16_t> samples) = 0;
  /// The request was given up: return soon.
  [[nodiscard]] virtual bool cancelled() const noexcept = 0;
};

/// A local engine that computes on the thread that calls it (WorkerSynthesizer's). Not thread-safe but for
/// interrupt().
class Voice {
 public:
  virtual ~Voice() = default;
  /// Throws Error that names the file and says what to do (exit code 78).
  virtual void load() = 0;
  /// Speaks; returns when all is in `output`. Throws Error when the engine fails.
  virtual void speak(const SpeechRequest& request, VoiceOutput& output) = 0;
  /// Makes a speak() under way return soon. From any thread.
  virtual void interrupt() noexcept {}
  [[nodiscard]] virtual unsigned rate() const noexcept = 0;  // Hz, after load()
  [[nodiscard]] virtual std::string name() const = 0;
};

struct VoiceOptions {
  std::string language = "en";
  std::string piper_model;  // onnx file, its .json beside it
  int words_per_minute = 165;
};

/// Makes a voice by its name. "piper" becomes espeak, with a warning, where it is not built in.
/// Throws UsageError for a name that is not known.
[[nodiscard]] std::unique_ptr<Voice> make_voice(std::string_view name, const VoiceOptions& options);
/// The voices that are built in.
[[nodiscard]] std::vector<std::string> voice_names();

}  // namespace prot::tts
