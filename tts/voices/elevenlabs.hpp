#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "stage/service_table.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

inline constexpr std::string_view kElevenLabs = "elevenlabs";  // its name in the configuration

/// A voice of ElevenLabs. Values are as in their interface.
struct ElevenLabsOptions {
  std::string url{stage::service_row("tts", "elevenlabs").own_url};
  std::string api_key;
  std::string voice_id;
  std::string model{stage::service_row("tts", "elevenlabs").own_model};
  std::string language = "en";
  unsigned rate = 24'000;          // output_format pcm_RATE
  std::string transport = "auto";  // "socket", "http"; auto: the socket, where the model has it
  std::string normalization = "auto";
  double stability = 0.5;
  double similarity = 0.75;
  double style = 0;
  double speed = 1;
  bool plain_allowed = false;  // unencrypted to another machine
  Nanos connect_timeout = 2 * kSecond;
  Nanos timeout = kSecond;       // without a sound before it is asked again, or given up
  std::function<void()> wake;    // from a worker: poll() has something
  const Clock* clock = nullptr;  // null: CLOCK_MONOTONIC
};

/// By multi-context WebSocket: one socket is kept warm, each segment is a context, cancel closes it. Throws
/// UsageError for an address that is none.
[[nodiscard]] std::unique_ptr<Synthesizer> make_elevenlabs_socket_voice(const ElevenLabsOptions& options);
/// By HTTP: each segment is a request that is streamed; cancel closes its connection. Throws as above.
[[nodiscard]] std::unique_ptr<Synthesizer> make_elevenlabs_http_voice(const ElevenLabsOptions& options);
/// By what options.transport says.
[[nodiscard]] std::unique_ptr<Synthesizer> make_elevenlabs_voice(const ElevenLabsOptions& options);

}  // namespace prot::tts
