#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "speech_recognizer.hpp"

/// ElevenLabs' realtime speech-to-text on the wire. Pure functions.
namespace prot::stt::scribe {

inline constexpr std::size_t kMostKeyTerms = 50;
inline constexpr std::size_t kLongestKeyTerm = 20;    // characters
inline constexpr std::size_t kLongestPrevious = 48;   // characters of previous_text
inline constexpr std::size_t kLongestChunk = 16'000;  // samples: 1 s

/// The whole address of a session, with its query. Throws UsageError when options.url is no address of a
/// service, or speech would leave this machine unencrypted and nobody allowed it.
[[nodiscard]] std::string session_url(const RecognizerOptions& options);

/// The one message that a client sends. `previous_text` only where it is the session's first audio.
[[nodiscard]] std::string audio_message(std::span<const std::int16_t> samples, bool commit,
                                        std::string_view previous_text = {});
/// The end of `text`, whole words, as long as previous_text may be.
[[nodiscard]] std::string previous_text(std::string_view text);

struct Message {
  enum class Kind {
    kStarted,    // the session is ready for audio
    kPartial,    // replaces the partial before it
    kCommitted,  // the segment is final
    kEmpty,      // there was too little in the segment to be recognised: it is final and empty
    kError,
    kOther
  };
  Kind kind = Kind::kOther;
  std::string text;                            // of a transcript; kError: why, in names alone
  bool timed = false;                          // kCommitted: the form with timestamps, which may be a twin
  std::string code;                            // kError, kEmpty, kOther: its name
  FailureClass failure = FailureClass::kNone;  // kError
};
/// Never throws: what is no message of the service is an error worth a new connection.
[[nodiscard]] Message parse(std::string_view json);

/// "one two one two" is "one two": the service has been seen to say a whole segment two or three times.
[[nodiscard]] std::string_view without_repeats(std::string_view text);

}  // namespace prot::stt::scribe
