#pragma once

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "ipc/doorbell.hpp"
#include "tts/worker_synthesizer.hpp"

namespace prot::tts::test {

/// All that a voice made of one request.
struct Spoken {
  std::vector<std::int16_t> samples;
  std::vector<wire::AlignPoint> alignment;
  unsigned rate = 0;
  Piece end;
  bool ended = false;
};

/// Polls until the request has ended, woken by the bell; at most 30 s.
inline Spoken listen(Synthesizer& voice, const ipc::Doorbell& bell) {
  Spoken spoken;
  const Nanos deadline = monotonic_now() + 30 * kSecond;
  while (!spoken.ended && monotonic_now() < deadline) {
    bell.clear();
    Piece piece;
    while (!spoken.ended && voice.poll(piece)) {
      if (piece.rate != 0) spoken.rate = piece.rate;
      spoken.samples.insert(spoken.samples.end(), piece.samples.begin(), piece.samples.end());
      spoken.alignment.insert(spoken.alignment.end(), piece.alignment.begin(), piece.alignment.end());
      spoken.ended = piece.kind == Piece::Kind::kDone || piece.kind == Piece::Kind::kFailed;
      if (spoken.ended) spoken.end = piece;
    }
    pollfd ready{bell.fd(), POLLIN, 0};
    if (!spoken.ended) ::poll(&ready, 1, 1000);
  }
  return spoken;
}

/// The alignment rises, covers the text and stays within the samples.
inline bool is_sound(const Spoken& spoken, std::size_t text_bytes) {
  const auto rises = [](const wire::AlignPoint& a, const wire::AlignPoint& b) {
    return a.byte < b.byte && a.sample <= b.sample;
  };
  return !spoken.alignment.empty() && spoken.alignment.back().byte == text_bytes &&
         spoken.alignment.back().sample <= spoken.samples.size() &&
         std::adjacent_find(spoken.alignment.begin(), spoken.alignment.end(),
                            [&](const auto& a, const auto& b) { return !rises(a, b); }) ==
             spoken.alignment.end();
}

/// Milliseconds of near-silence before the first audible sample.
inline std::size_t leading_silence_ms(const Spoken& spoken) {
  const auto first = std::find_if(spoken.samples.begin(), spoken.samples.end(),
                                  [](std::int16_t s) { return std::abs(static_cast<int>(s)) > 400; });
  return static_cast<std::size_t>(first - spoken.samples.begin()) * 1000 / spoken.rate;
}

}  // namespace prot::tts::test
