#pragma once

#include <cstdint>
#include <string_view>

namespace prot::wire {

/// What the words before a pause say of the turn.
enum class Ending : std::uint32_t {
  kUnknown,   // they may be all, and may not
  kGoesOn,    // "What is the name of the": more must follow
  kComplete,  // "What time is it?": nothing need follow
};

/// stt's newest judgement of a pause: a word on its page, under this label. capture looks at it in pauses.
inline constexpr std::string_view kPauseWordsLabel = "pause_words";

struct PauseWords {
  std::uint32_t utterance = 0;
  std::uint32_t pause = 0;  // MicPause of the utterance; the first is 1
  Ending ending = Ending::kUnknown;

  [[nodiscard]] constexpr std::uint64_t packed() const noexcept {
    return std::uint64_t{utterance} << 32U | (pause & 0x3FFF'FFFFU) << 2U |
           static_cast<std::uint32_t>(ending);
  }
  [[nodiscard]] static constexpr PauseWords unpacked(std::uint64_t word) noexcept {
    const auto low = static_cast<std::uint32_t>(word);
    const std::uint32_t ending = low & 3U;
    return {static_cast<std::uint32_t>(word >> 32U), low >> 2U,
            ending <= 2 ? static_cast<Ending>(ending) : Ending::kUnknown};
  }
};

}  // namespace prot::wire
