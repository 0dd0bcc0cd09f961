#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "wire/speech_out.hpp"

namespace prot::tts {

/// One text segment of a turn.
struct SpeechRequest {
  std::uint32_t turn = 0;
  std::uint32_t segment = 0;
  std::string text;      // UTF-8, as it is to be read
  std::string language;  // "en", "ko"
};

/// What to do about a voice that failed.
/// kUnavailable: it has tried again by itself.
enum class VoiceError { kNone, kRetry, kAuth, kQuota, kUnavailable, kFatal };
[[nodiscard]] const char* to_string(VoiceError error) noexcept;

/// What a voice has ready. Alignment comes before the samples that it is about.
struct Piece {
  enum class Kind {
    kSamples,
    kAlignment,
    kAnew,    // what follows is the segment from its beginning, by another voice
    kNotice,  // what follows is no speech: a tone that says that there is none
    kDone,
    kFailed
  };
  Kind kind = Kind::kDone;
  unsigned rate = 0;                        // kSamples, kAlignment, in Hz
  std::vector<std::int16_t> samples;        // kSamples, mono
  std::vector<wire::AlignPoint> alignment;  // kAlignment, rising
  Nanos began_ns = 0;                       // when the engine began with this request
  Nanos first_audio_ns = 0;                 // kDone: when it had the first samples; 0: never
  VoiceError error = VoiceError::kNone;     // kFailed
  std::string message;                      // kFailed: engine, what, why
};

/// A voice, local or remote, as the stage sees it: texts in, samples with their alignment out, one request at
/// a time. Never blocks. Used by one thread (the stage's loop); a worker of its own rings the stage's bell
/// when there is something to poll. kDone or kFailed is the last piece of a request, and always comes.
class Synthesizer {
 public:
  virtual ~Synthesizer() = default;
  /// Loads models and warms up; blocks (set-up). Throws Error.
  virtual void start() = 0;
  /// REQUIRES: no request is under way.
  virtual void begin(const SpeechRequest& request) = 0;
  /// The next piece of the request. False: nothing yet.
  [[nodiscard]] virtual bool poll(Piece& piece) = 0;
  /// Called about once a second while there is nothing to say: keeps connections warm.
  virtual void tend() {}
  /// Gives the request up: none of its pieces comes any more.
  virtual void cancel() noexcept = 0;
  /// Ends the worker. Idempotent.
  virtual void stop() noexcept = 0;
  /// When to poll again although no bell rang; kNever: not at all.
  [[nodiscard]] virtual Nanos next_deadline() const { return kNever; }
  /// False: it still works on a request that was given up.
  [[nodiscard]] virtual bool idle() const { return true; }
  [[nodiscard]] virtual std::string name() const = 0;
};

}  // namespace prot::tts
