#include <algorithm>
#include <cmath>

#include "audio/level.hpp"
#include "detectors/backends.hpp"

namespace prot::capture {
namespace {

/// Level above a slowly learned noise floor. Knows no voices, only loudness: for tests, and for a build
/// without the engine.
class EnergyDetector final : public VoiceDetector {
 public:
  float probability(std::span<const std::int16_t> window) noexcept override {
    const double level = std::max(audio::rms_dbfs(window), kQuietest);
    // The floor falls at once and rises by about 1.5 dB a second.
    floor_ = level < floor_ ? level : std::min(level, floor_ + kRise);
    const double above = level - std::max(floor_, kFloor);
    return static_cast<float>(1.0 / (1.0 + std::exp(-(above - kHalf) / kWidth)));
  }
  // Else the floor would rise with each word for ever where the pauses are digital.
  void silence() noexcept override { floor_ = kFloor; }
  void reset() noexcept override { floor_ = kFloor; }
  std::string_view name() const noexcept override { return "energy"; }

 private:
  static constexpr double kQuietest = -90;  // dBFS
  static constexpr double kFloor = -60;     // nothing below is ever speech
  static constexpr double kRise = 0.05;     // dB a window
  static constexpr double kHalf = 12;       // dB above the floor at which the probability is 0.5
  static constexpr double kWidth = 2;

  double floor_ = kFloor;
};

}  // namespace

std::unique_ptr<VoiceDetector> make_energy_detector() { return std::make_unique<EnergyDetector>(); }

}  // namespace prot::capture
