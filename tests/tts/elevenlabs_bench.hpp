#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "elevenlabs_service.hpp"
#include "tts/voices/elevenlabs.hpp"
#include "tts/voices/elevenlabs_protocol.hpp"
#include "voice_bench.hpp"

namespace prot::tts::test {

/// A voice and its loop.
struct VoiceBench {
  explicit VoiceBench(std::string url) {
    options.url = std::move(url);
    options.api_key = "sk-secret";
    options.voice_id = "VID";
    options.rate = kRate;
    options.wake = [this] { bell.ring(); };
  }
  void start() {
    voice = make_elevenlabs_voice(options);
    voice->start();
  }
  [[nodiscard]] Spoken say(const std::string& text, std::uint32_t segment = 0) {
    if (!voice) start();
    voice->begin({1, segment, text, "en"});
    return listen();
  }
  /// As listen() in voice_bench.hpp, with the voice's deadlines.
  [[nodiscard]] Spoken listen() {
    Spoken spoken;
    const Nanos until = monotonic_now() + 20 * kSecond;
    while (!spoken.ended && monotonic_now() < until) {
      bell.clear();
      Piece piece;
      while (!spoken.ended && voice->poll(piece)) {
        if (piece.rate != 0) spoken.rate = piece.rate;
        spoken.samples.insert(spoken.samples.end(), piece.samples.begin(), piece.samples.end());
        spoken.alignment.insert(spoken.alignment.end(), piece.alignment.begin(), piece.alignment.end());
        spoken.ended = piece.kind == Piece::Kind::kDone || piece.kind == Piece::Kind::kFailed;
        if (spoken.ended) spoken.end = piece;
      }
      pollfd ready{bell.fd(), POLLIN, 0};
      if (!spoken.ended) ::poll(&ready, 1, 5);
    }
    return spoken;
  }
  /// Looks after the voice until `done`.
  template <typename Done>
  bool until(Done done, Nanos patience = 10 * kSecond) {
    const Nanos end = monotonic_now() + patience;
    while (!done()) {
      if (monotonic_now() > end) return false;
      voice->tend();
      pollfd ready{bell.fd(), POLLIN, 0};
      ::poll(&ready, 1, 5);
      bell.clear();
    }
    return true;
  }

  ipc::Doorbell bell = ipc::Doorbell::create();
  ElevenLabsOptions options;
  std::unique_ptr<Synthesizer> voice;
};

}  // namespace prot::tts::test
