#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "synthesizer.hpp"
#include "wyoming/link.hpp"

namespace prot::tts {

inline constexpr std::string_view kWyoming = "wyoming";  // its name in the configuration

/// A voice of Home Assistant's kind (Piper and others).
struct WyomingOptions {
  wyoming::Address address;
  std::string voice;  // its name there; empty: the server's own for the language
  std::string language = "en";
  Nanos connect_timeout = 2 * kSecond;
  Nanos timeout = 2'500 * kMillisecond;  // without a sound before it is given up
  std::function<void()> wake;            // from a worker: poll() has something
  const Clock* clock = nullptr;          // null: CLOCK_MONOTONIC
};

/// Each segment is a connection, for a server ends its own as it likes; cancel closes it.
[[nodiscard]] std::unique_ptr<Synthesizer> make_wyoming_voice(const WyomingOptions& options);

/// Where it listens. Throws UsageError that names `key` when it is no address, or what is said would leave
/// this machine unencrypted and `plain_allowed` does not allow it.
[[nodiscard]] wyoming::Address wyoming_voice_address(const std::string& url, bool plain_allowed);

}  // namespace prot::tts
