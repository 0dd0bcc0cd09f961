#pragma once

#include <string>
#include <string_view>

namespace prot::stt {

/// In bytes. An utterance is 28 s at most, in which nobody says a tenth of this; what a broken service sends
/// beyond it is left out.
inline constexpr std::size_t kMostTranscript = 8192;

/// A recogniser's raw text as a person would have written it: without marks of what is no speech
/// ("[BLANK_AUDIO]", "(music)", "*sighs*", notes), white space made single, valid UTF-8. Empty when nothing
/// was said.
[[nodiscard]] std::string clean_transcript(std::string_view raw);

/// The text with a phrase that repeats at least four times in a row (a long one: three times) said once:
/// recognisers loop on noise.
[[nodiscard]] std::string without_loops(std::string_view text);

/// Do the last entries of a token sequence repeat so often that the decoder is in a loop? RT safe.
template <typename At>
[[nodiscard]] bool is_looping(int count, At token_at) noexcept {
  constexpr int kLongest = 30;
  constexpr int kLong = 12;  // nobody says a sentence three times in one breath
  for (int period = 1; period <= kLongest; ++period) {
    const int repeats = period == 1 ? 8 : period < kLong ? 4 : 3;  // "no, no, no" is speech
    if (count < period * repeats) continue;
    bool same = true;
    for (int i = count - 1; same && i >= count - period * (repeats - 1); --i)
      same = token_at(i) == token_at(i - period);
    if (same) return true;
  }
  return false;
}

}  // namespace prot::stt
