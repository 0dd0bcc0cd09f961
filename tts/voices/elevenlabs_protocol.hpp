#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/http.hpp"
#include "voices/elevenlabs.hpp"

/// ElevenLabs' text-to-speech on the wire. Pure functions.
namespace prot::tts::elevenlabs {

/// The address for multi-context WebSockets, and for HTTP with timestamps. Throw UsageError.
[[nodiscard]] std::string socket_url(const ElevenLabsOptions& options);
[[nodiscard]] std::string stream_url(const ElevenLabsOptions& options);
/// What asks whether the service is there and knows the key, at no cost. Throws UsageError.
[[nodiscard]] std::string models_url(const ElevenLabsOptions& options);

/// Of a WebSocket: a context begins, says its text, ends.
[[nodiscard]] std::string open_message(const ElevenLabsOptions& options, std::string_view context);
[[nodiscard]] std::string text_message(std::string_view text, std::string_view context);
[[nodiscard]] std::string close_message(std::string_view context);
/// Of HTTP: the body of a request.
[[nodiscard]] std::string request_body(const ElevenLabsOptions& options, std::string_view text);

/// A character and when it ends, from the start of its chunk (WebSocket) or of the answer (HTTP).
struct TimedCharacter {
  std::string text;  // UTF-8
  double end_ms = 0;
};

/// One message of a WebSocket, or one line of an HTTP answer.
struct Chunk {
  std::string context;
  std::string audio;  // bytes; may end within a sample
  std::vector<TimedCharacter> characters;
  bool final = false;
  VoiceError error = VoiceError::kNone;
  std::string message;  // of the error, in names alone
};
/// Never throws: what is no message of the service is an error.
[[nodiscard]] Chunk parse(std::string_view json);

/// What to do about an error of this name ("quota_exceeded"); kRetry for names that are not known.
[[nodiscard]] VoiceError error_of(std::string_view name) noexcept;
[[nodiscard]] VoiceError error_of(http::ErrorClass error_class, std::string_view body);

/// Does the model speak through WebSockets?
[[nodiscard]] bool has_sockets(std::string_view model) noexcept;

}  // namespace prot::tts::elevenlabs
