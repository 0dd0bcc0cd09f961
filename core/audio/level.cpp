#include "audio/level.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace prot::audio {
namespace {
constexpr double kFullScale = 32768.0;

double to_dbfs(double magnitude) noexcept {
  return magnitude > 0.0 ? std::max(kSilenceDbfs, 20.0 * std::log10(magnitude / kFullScale)) : kSilenceDbfs;
}
}  // namespace

double rms_dbfs(std::span<const std::int16_t> samples) noexcept {
  if (samples.empty()) return kSilenceDbfs;
  double sum = 0.0;
  for (const std::int16_t sample : samples) sum += static_cast<double>(sample) * sample;
  return to_dbfs(std::sqrt(sum / static_cast<double>(samples.size())));
}

double peak_dbfs(std::span<const std::int16_t> samples) noexcept {
  int peak = 0;
  for (const std::int16_t sample : samples) peak = std::max(peak, std::abs(static_cast<int>(sample)));
  return to_dbfs(peak);
}

}  // namespace prot::audio
