#pragma once

#include <cstdint>
#include <string>

#include "audio/pcm_format.hpp"

namespace prot::audio {

inline constexpr std::uint32_t kUnknownSize = 0xFFFFFFFF;  // what a writer to a pipe says
inline constexpr std::int64_t kWavHeadBytes = 44;

/// What stands before `data_bytes` of samples in a WAV file. kUnknownSize: as many as come.
[[nodiscard]] std::string wav_head(PcmFormat format, std::uint32_t data_bytes);

}  // namespace prot::audio
