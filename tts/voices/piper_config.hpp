#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace prot::tts {

/// The .json beside a Piper voice: how its phonemes become ids, and its scales. Immutable after load.
struct PiperConfig {
  unsigned rate = 0;  // Hz
  float noise_scale = 0.667F;
  float length_scale = 1.0F;
  float noise_w = 0.8F;
  bool many_speakers = false;
  std::string espeak_voice;
  std::map<char32_t, std::vector<std::int64_t>> ids;

  /// Throws Error that names the file.
  static PiperConfig load(const std::string& path);
  /// Appends the ids of `phonemes`, a pad behind each; what the voice does not know is left out.
  /// Returns how many phonemes have been added.
  std::size_t append(std::string_view phonemes, std::vector<std::int64_t>& out) const;
};

inline constexpr std::int64_t kPiperPad = 0;
inline constexpr std::int64_t kPiperBegin = 1;
inline constexpr std::int64_t kPiperEnd = 2;

}  // namespace prot::tts
