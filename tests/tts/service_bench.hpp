#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "voice_bench.hpp"

namespace prot::tts::test {

/// A voice of a service and its loop, with the voice's deadlines.
struct ServiceBench {
  [[nodiscard]] Spoken say(const std::string& text, std::uint32_t segment = 0) {
    voice->begin({1, segment, text, "en"});
    return listen();
  }
  [[nodiscard]] Spoken listen() {
    Spoken spoken;
    const Nanos until = monotonic_now() + 20 * kSecond;
    while (!spoken.ended && monotonic_now() < until) {
      bell.clear();
      Piece piece;
      while (!spoken.ended && voice->poll(piece)) take(spoken, piece);
      const Nanos left = std::clamp<Nanos>(voice->next_deadline() - monotonic_now(), 0, kSecond);
      pollfd ready{bell.fd(), POLLIN, 0};
      if (!spoken.ended) ::poll(&ready, 1, static_cast<int>(left / kMillisecond) + 1);
    }
    return spoken;
  }
  static void take(Spoken& spoken, const Piece& piece) {
    if (piece.rate != 0) spoken.rate = piece.rate;
    spoken.alignment.insert(spoken.alignment.end(), piece.alignment.begin(), piece.alignment.end());
    spoken.samples.insert(spoken.samples.end(), piece.samples.begin(), piece.samples.end());
    spoken.ended = piece.kind == Piece::Kind::kDone || piece.kind == Piece::Kind::kFailed;
    if (spoken.ended) spoken.end = piece;
  }
  template <typename Done>
  bool until(Done done, Nanos patience = 10 * kSecond) {
    const Nanos end = monotonic_now() + patience;
    while (!done()) {
      if (monotonic_now() > end) return false;
      Piece piece;
      (void)voice->poll(piece);
      pollfd ready{bell.fd(), POLLIN, 0};
      ::poll(&ready, 1, 5);
      bell.clear();
    }
    return true;
  }

  ipc::Doorbell bell = ipc::Doorbell::create();
  std::unique_ptr<Synthesizer> voice;
};

inline bool done(const Spoken& spoken) { return spoken.ended && spoken.end.kind == Piece::Kind::kDone; }

/// 16-bit samples that differ, as bytes.
inline std::string sound(std::size_t samples, int first = 1) {
  std::string bytes;
  for (std::size_t i = 0; i < samples; ++i) {
    const auto value = static_cast<std::uint16_t>(first + static_cast<int>(i % 1000));
    bytes.push_back(static_cast<char>(value & 255U));
    bytes.push_back(static_cast<char>(value >> 8U));
  }
  return bytes;
}
inline std::vector<std::int16_t> samples_of(std::size_t count, int first = 1) {
  std::vector<std::int16_t> samples(count);
  for (std::size_t i = 0; i < count; ++i)
    samples[i] = static_cast<std::int16_t>(first + static_cast<int>(i % 1000));
  return samples;
}

}  // namespace prot::tts::test
