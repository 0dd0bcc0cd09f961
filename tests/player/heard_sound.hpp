#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "audio/wav_file.hpp"

namespace prot::test {

/// Milliseconds in which a recording is loud, by windows of 5 ms: a tone crosses zero.
inline double sound_ms(const std::string& recording) {
  audio::WavReader reader(recording);
  const std::vector<std::int16_t> samples = reader.read_all();
  const std::size_t window = reader.rate() / 200;
  double total = 0;
  for (std::size_t at = 0; at + window <= samples.size(); at += window)
    if (std::any_of(samples.begin() + static_cast<std::ptrdiff_t>(at),
                    samples.begin() + static_cast<std::ptrdiff_t>(at + window),
                    [](std::int16_t s) { return std::abs(static_cast<int>(s)) > 600; }))
      total += 5;
  return total;
}

/// How long each tone in a recording is: runs of sound, parted by 20 ms of silence.
inline std::vector<double> tones_ms(const std::string& recording) {
  audio::WavReader reader(recording);
  const std::vector<std::int16_t> samples = reader.read_all();
  const std::size_t gap = reader.rate() / 50;
  std::vector<double> tones;
  std::size_t begin = 0;
  std::size_t last = 0;  // loud
  bool in_tone = false;
  const auto end_tone = [&] {
    if (in_tone) tones.push_back(static_cast<double>(last - begin) * 1000 / reader.rate());
    in_tone = false;
  };
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (std::abs(static_cast<int>(samples[i])) <= 200) {
      if (in_tone && i - last > gap) end_tone();
      continue;
    }
    if (!in_tone) begin = i;
    in_tone = true;
    last = i;
  }
  end_tone();
  return tones;
}

}  // namespace prot::test
