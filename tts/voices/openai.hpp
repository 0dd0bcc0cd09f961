#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "stage/service_table.hpp"
#include "synthesizer.hpp"

namespace prot::tts {

inline constexpr std::string_view kOpenAi = "openai";  // its name in the configuration

/// A voice of a service that speaks OpenAI's /v1/audio/speech. Values are as in that interface.
struct OpenAiVoiceOptions {
  std::string url{stage::service_row("tts", "openai").own_url};
  std::string api_key;  // may be empty: services on this machine need none
  std::string model;
  std::string voice;
  std::string format = "pcm";  // "wav": the rate stands in the answer
  std::string instructions;    // how it is to speak; empty: not told
  unsigned rate = 24'000;      // of pcm
  double speed = 1;
  Nanos connect_timeout = 2 * kSecond;
  Nanos timeout = kSecond;       // without a sound before it is asked again, or given up
  std::function<void()> wake;    // from a worker: poll() has something
  const Clock* clock = nullptr;  // null: CLOCK_MONOTONIC
};

/// Each segment is a request whose samples are streamed; cancel closes its connection.
[[nodiscard]] std::unique_ptr<Synthesizer> make_openai_voice(const OpenAiVoiceOptions& options);

/// Where texts are posted to: `url` with or without /v1, or the whole address. Throws UsageError when there
/// is none, or what is said would leave this machine unencrypted and `plain_allowed` does not allow it.
[[nodiscard]] std::string speech_endpoint(const std::string& url, bool plain_allowed);

}  // namespace prot::tts
