#pragma once

#include <cstdint>
#include <span>

namespace prot::audio {

inline constexpr double kSilenceDbfs = -120.0;

/// Root mean square relative to full scale, in dB; kSilenceDbfs for silence or nothing. RT safe.
[[nodiscard]] double rms_dbfs(std::span<const std::int16_t> samples) noexcept;
/// Largest magnitude relative to full scale, in dB. RT safe.
[[nodiscard]] double peak_dbfs(std::span<const std::int16_t> samples) noexcept;

}  // namespace prot::audio
