#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "wire/speech_out.hpp"

namespace prot::tts {

/// A word's share of the time: its end in the text and how much there is to say.
struct WordWeight {
  std::uint32_t end_byte;
  double weight;  // > 0
};

/// The part of a recording that is not silent: [begin, end) in samples. Empty when all is silent.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};
/// Silent: below `threshold` of full scale.
[[nodiscard]] Range audible_range(std::span<const std::int16_t> samples, int threshold) noexcept;

/// Silence before the first sound of every segment: a loudspeaker that ran dry swallows up to 10 ms of what
/// comes next, and everything before the first sound is waited for.
inline constexpr unsigned kLeadMs = 15;

/// Makes the silence in front exactly `lead` samples and cuts that behind down to `trail`. Returns the
/// audible part within the result.
Range trim_silence(std::vector<std::int16_t>& samples, int threshold, std::size_t lead, std::size_t trail);

/// One point at each word's end, linear by weight over `spoken`; the last one is exactly its end.
/// `offset` (samples) is added to each.
[[nodiscard]] std::vector<wire::AlignPoint> align_words(std::span<const WordWeight> words, Range spoken,
                                                        std::size_t offset);

/// How much there is to say in a word, by its letters: a digit takes as long as a short word.
[[nodiscard]] double letter_weight(std::string_view word) noexcept;

}  // namespace prot::tts
