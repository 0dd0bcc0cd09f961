#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "ipc/layout.hpp"

/// Where the time of the last voice turns went, on the board. Written by brain at the end of each turn, read
/// by everybody. What was said is not in it.
namespace prot::ipc {

/// The moments of a turn, all of one clock.
enum class TurnStamp : std::size_t {
  kSpeechStart,
  kSpeechEnd,
  kEndDecided,
  kDecodeStart,
  kDecodeEnd,
  kFinalTranscript,
  kRequest,
  kFirstToken,
  kFirstSegment,
  kSynthesisStart,
  kFirstPcm,
  kWritten,
  kAudible,
  kInterruptOnset,
  kInterruptDecided,
  kNotice,  // prot said by itself that it takes longer
};
inline constexpr std::size_t kTurnStamps = 16;
inline constexpr std::size_t kTurnSlots = 16;

enum TurnFlag : std::uint32_t { kTurnInterrupted = 1, kTurnFailed = 2, kTurnPreemptive = 4 };

struct TurnSlot {  // writer: brain
  Word sequence;   // odd: it is being written; 0: never used
  HalfWord turn, utterance;
  HalfWord flags;  // TurnFlag
  HalfWord prompt_tokens, cached_tokens, recall_tokens;
  HalfWord wait_ms;          // silence that ended the person's turn
  HalfWord end_probability;  // of the end of turn, in thousandths; 0: unknown
  Word stamps[kTurnStamps];  // CLOCK_MONOTONIC; 0: unknown
  Word model[4];             // 32 bytes of text: what answered
};

struct TurnLog {  // writer: brain
  Word count;     // turns ever written; the newest is in slot (count - 1) mod 16
  TurnSlot slots[kTurnSlots];
};

/// One turn, read.
struct TurnTimes {
  std::uint32_t turn = 0;
  std::uint32_t utterance = 0;
  std::uint32_t flags = 0;
  std::uint32_t prompt_tokens = 0;
  std::uint32_t cached_tokens = 0;
  std::uint32_t recall_tokens = 0;
  std::uint32_t wait_ms = 0;
  std::uint32_t end_probability = 0;
  std::array<Nanos, kTurnStamps> stamps{};
  std::string model;

  [[nodiscard]] Nanos at(TurnStamp stamp) const noexcept { return stamps[static_cast<std::size_t>(stamp)]; }
  [[nodiscard]] Nanos& at(TurnStamp stamp) noexcept { return stamps[static_cast<std::size_t>(stamp)]; }
  friend bool operator==(const TurnTimes&, const TurnTimes&) = default;
};

/// The steps from the end of speech to the first sound, as they are shown.
struct TurnStep {
  const char* name;   // "transcript"
  const char* title;  // of a narrow column: "TRANSC"
  TurnStamp stamp;
};
inline constexpr std::array<TurnStep, 7> kTurnSteps{{{"detected", "DETECT", TurnStamp::kEndDecided},
                                                     {"transcript", "TRANSC", TurnStamp::kFinalTranscript},
                                                     {"request", "REQUEST", TurnStamp::kRequest},
                                                     {"first token", "TOKEN", TurnStamp::kFirstToken},
                                                     {"first segment", "SEGMENT", TurnStamp::kFirstSegment},
                                                     {"first audio", "AUDIO", TurnStamp::kFirstPcm},
                                                     {"audible", "AUDIBLE", TurnStamp::kAudible}}};
/// Names of the stamps in JSON, in order: "speech_start_ns".
[[nodiscard]] const std::array<const char*, kTurnStamps>& turn_stamp_names() noexcept;

/// From the end of speech to each step; empty: one of the two is unknown. Negative: it came before.
[[nodiscard]] std::array<std::optional<Nanos>, kTurnSteps.size()> since_speech_end(
    const TurnTimes& turn) noexcept;
/// What each step added to the latest one before it, never negative; they add up to the whole.
[[nodiscard]] std::array<std::optional<Nanos>, kTurnSteps.size()> step_times(const TurnTimes& turn) noexcept;

/// Appends a turn. One writer at a time; one that died in the middle is no obstacle.
void write_turn(TurnLog& log, const TurnTimes& turn) noexcept;
/// The turns that are there, newest first. A slot that is being overwritten is left out.
[[nodiscard]] std::vector<TurnTimes> read_turns(const TurnLog& log, std::size_t most = kTurnSlots);

}  // namespace prot::ipc
