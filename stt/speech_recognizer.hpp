#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace prot::stt {

struct RecognizerOptions {
  std::string model;            // file, for engines that need one
  std::string language = "en";  // "en" or "ko"
  unsigned threads = 2;
  // For engines that are a service elsewhere.
  std::string url;
  std::string model_name;
  std::string api_key;
  bool plain_http = false;  // it may be reached unencrypted
  Nanos connect_timeout = 2 * kSecond;
  Nanos first_byte_timeout = 5 * kSecond;
  Nanos answer_timeout = 2 * kSecond;   // of engines that hear while the person speaks: from the end on; else
                                        // from the first byte on
  Nanos session_limit = 480 * kSecond;  // a connection that is older is replaced while nothing is said
  std::vector<std::string> key_terms;   // names that are likely to be said
  const Clock* clock = nullptr;         // null: CLOCK_MONOTONIC
  std::function<void()> wake;           // called from the worker thread: poll() has something
};

/// What a failure means to the caller.
enum class FailureClass { kNone, kRetry, kAuth, kQuota, kFatal };

/// An answer of the engine.
struct Recognition {
  bool final = false;  // false: the answer to a guess, or a partial
  std::string text;    // UTF-8; on failure the reason
  FailureClass failure = FailureClass::kNone;
  std::uint64_t samples = 0;  // how much audio it covers
  Nanos decode_start = 0;     // timed inside the engine
  Nanos decode_end = 0;
  Nanos retry_after = 0;  // kRetry: what the service asked to wait
  bool partial = false;   // of its own accord, while the person speaks: nobody asked
};

/// Speech -> text, one utterance after the other. Nothing blocks: the work is done by one worker thread of
/// the engine, which calls `wake` when poll() has an answer. All functions are called by one thread (the
/// loop). Audio is 16 kHz mono. Answers about audio that was retracted or belongs to an earlier utterance
/// never come.
class SpeechRecognizer {
 public:
  virtual ~SpeechRecognizer() = default;

  /// A new utterance; what is left of the last one is dropped.
  virtual void begin() = 0;
  virtual void push(std::span<const std::int16_t> samples) = 0;
  /// Recognises what was pushed so far; the answer is not final. False: this engine does not guess.
  [[nodiscard]] virtual bool guess() = 0;
  /// The person goes on: the guess is void and its work ends soon.
  virtual void retract() = 0;
  /// The utterance is complete: its final answer is wanted.
  virtual void finish() = 0;
  /// Other engines need the processor: use less of it.
  virtual void set_busy(bool busy) noexcept = 0;
  /// Names that memory knows, the likeliest first: for engines that hear better what they expect. From the
  /// next connection or utterance on.
  virtual void expect(const std::vector<std::string>& /*names*/) {}
  [[nodiscard]] virtual std::optional<Recognition> poll() = 0;
  /// When to poll again although nothing woke the loop; kNever: not at all.
  [[nodiscard]] virtual Nanos next_deadline() const { return kNever; }
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
};

/// Makes an engine: "whisper", "openai", "elevenlabs", "wyoming" or "null". Throws UsageError for a name that
/// is not known or not built in, Error (exit code 78) that names a model file which is missing, damaged or of
/// another language.
[[nodiscard]] std::unique_ptr<SpeechRecognizer> make_recognizer(std::string_view name,
                                                                const RecognizerOptions& options);
/// The engines that are built in.
[[nodiscard]] std::vector<std::string> recognizer_names();

}  // namespace prot::stt
