#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace prot::test {

/// What of a room matters here.
struct RoomOptions {
  double delay_ms = 30;        // from loudspeaker to microphone
  double attenuation_db = 10;  // on the way
  double tail_ms = 60;         // reverberation, until -60 dB
  double noise_db = -65;       // of the room, dBFS
  unsigned seed = 1;
};

/// A loudspeaker and a microphone in a room at 16 kHz: a direct path and a tail of decaying noise, both
/// computed, and the room's own noise. Not thread-safe.
class EchoRoom {
 public:
  explicit EchoRoom(const RoomOptions& options);

  /// What the microphone hears while the loudspeaker plays `far` and a person says `near` (as loud as it is).
  void hear(std::span<const std::int16_t> far, std::span<const std::int16_t> near,
            std::span<std::int16_t> out);

 private:
  float random() noexcept;

  std::vector<float> response_;
  std::vector<float>
      past_;  // the newest far samples, twice, so that one stretch of them always lies in a row
  std::size_t at_ = 0;
  std::uint32_t state_;
  float noise_ = 0;
};

/// Noise with the spectrum and the rhythm of speech, at `level_db` dBFS, 16 kHz.
[[nodiscard]] std::vector<std::int16_t> babble(double seconds, double level_db, unsigned seed);
/// `samples` brought to `level_db` dBFS (root mean square of what is not silence).
[[nodiscard]] std::vector<std::int16_t> at_level(std::vector<std::int16_t> samples, double level_db);

}  // namespace prot::test
