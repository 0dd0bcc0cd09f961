#include "word_timing.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace prot::tts {

Range audible_range(std::span<const std::int16_t> samples, int threshold) noexcept {
  const auto loud = [threshold](std::int16_t s) { return std::abs(static_cast<int>(s)) > threshold; };
  const auto first = std::find_if(samples.begin(), samples.end(), loud);
  if (first == samples.end()) return {};
  const auto last = std::find_if(samples.rbegin(), samples.rend(), loud);
  return {static_cast<std::size_t>(first - samples.begin()),
          static_cast<std::size_t>(last.base() - samples.begin())};
}

Range trim_silence(std::vector<std::int16_t>& samples, int threshold, std::size_t lead, std::size_t trail) {
  const Range range = audible_range(samples, threshold);
  if (range.begin == range.end) {
    samples.resize(std::min(samples.size(), lead + trail));
    return {};
  }
  samples.resize(std::min(samples.size(), range.end + trail));
  if (range.begin <
      lead) {  // a voice that begins at once: a loudspeaker that ran dry swallows its first sound
    samples.insert(samples.begin(), lead - range.begin, 0);
  } else {
    samples.erase(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(range.begin - lead));
  }
  return {lead, lead + range.end - range.begin};
}

std::vector<wire::AlignPoint> align_words(std::span<const WordWeight> words, Range spoken,
                                          std::size_t offset) {
  double total = 0;
  for (const WordWeight& word : words) total += word.weight;
  std::vector<wire::AlignPoint> points;
  points.reserve(words.size());
  double done = 0;
  const double length = static_cast<double>(spoken.end - spoken.begin);
  for (const WordWeight& word : words) {
    done += word.weight;
    const double at = static_cast<double>(spoken.begin) + (total > 0 ? length * done / total : length);
    points.push_back(
        {word.end_byte, static_cast<std::uint32_t>(offset + static_cast<std::size_t>(std::llround(at)))});
  }
  if (!points.empty()) points.back().sample = static_cast<std::uint32_t>(offset + spoken.end);
  return points;
}

double letter_weight(std::string_view word) noexcept {
  double weight = 1;
  for (const char c : word) {
    const auto byte = static_cast<unsigned char>(c);
    if (c >= '0' && c <= '9')
      weight += 4;
    else if (byte >= 0xE0)
      weight += 3;  // a Hangul syllable
    else if ((byte & 0xC0U) != 0x80U)
      weight += 1;
  }
  return weight;
}

}  // namespace prot::tts
