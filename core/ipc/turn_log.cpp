#include "ipc/turn_log.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace prot::ipc {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint32_t kKnownFlags = kTurnInterrupted | kTurnFailed | kTurnPreemptive;
constexpr int kTries = 3;
constexpr std::size_t kModelBytes = sizeof(TurnSlot{}.model);

void fill(TurnSlot& slot, const TurnTimes& turn) noexcept {
  slot.turn.store(turn.turn, kRelaxed);
  slot.utterance.store(turn.utterance, kRelaxed);
  slot.flags.store(turn.flags, kRelaxed);
  slot.prompt_tokens.store(turn.prompt_tokens, kRelaxed);
  slot.cached_tokens.store(turn.cached_tokens, kRelaxed);
  slot.recall_tokens.store(turn.recall_tokens, kRelaxed);
  slot.wait_ms.store(turn.wait_ms, kRelaxed);
  slot.end_probability.store(turn.end_probability, kRelaxed);
  for (std::size_t i = 0; i < kTurnStamps; ++i)
    slot.stamps[i].store(static_cast<std::uint64_t>(turn.stamps[i]), kRelaxed);
  char text[kModelBytes] = {};
  turn.model.copy(text, kModelBytes - 1);
  for (std::size_t i = 0; i < std::size(slot.model); ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + i * sizeof word, sizeof word);
    slot.model[i].store(word, kRelaxed);
  }
}

TurnTimes copy(const TurnSlot& slot) {
  TurnTimes turn;
  turn.turn = slot.turn.load(kRelaxed);
  turn.utterance = slot.utterance.load(kRelaxed);
  turn.flags = slot.flags.load(kRelaxed) & kKnownFlags;
  turn.prompt_tokens = slot.prompt_tokens.load(kRelaxed);
  turn.cached_tokens = slot.cached_tokens.load(kRelaxed);
  turn.recall_tokens = slot.recall_tokens.load(kRelaxed);
  turn.wait_ms = slot.wait_ms.load(kRelaxed);
  turn.end_probability = slot.end_probability.load(kRelaxed);
  for (std::size_t i = 0; i < kTurnStamps; ++i)
    turn.stamps[i] = std::max<Nanos>(static_cast<Nanos>(slot.stamps[i].load(kRelaxed)), 0);
  char text[kModelBytes] = {};
  for (std::size_t i = 0; i < std::size(slot.model); ++i) {
    const std::uint64_t word = slot.model[i].load(kRelaxed);
    std::memcpy(text + i * sizeof word, &word, sizeof word);
  }
  turn.model.assign(text, ::strnlen(text, sizeof text));
  return turn;
}

std::optional<TurnTimes> read_slot(const TurnSlot& slot) {
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before = slot.sequence.load(std::memory_order_acquire);
    if (before == 0) return std::nullopt;
    if (before % 2 != 0) continue;
    TurnTimes turn = copy(slot);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.sequence.load(kRelaxed) == before) return turn;
  }
  return std::nullopt;
}

}  // namespace

const std::array<const char*, kTurnStamps>& turn_stamp_names() noexcept {
  static constexpr std::array<const char*, kTurnStamps> kNames = {
      "speech_start_ns",  "speech_end_ns",       "end_decided_ns",       "decode_start_ns",
      "decode_end_ns",    "final_transcript_ns", "request_ns",           "first_token_ns",
      "first_segment_ns", "synthesis_start_ns",  "first_pcm_ns",         "written_ns",
      "audible_ns",       "interrupt_onset_ns",  "interrupt_decided_ns", "notice_ns"};
  return kNames;
}

std::array<std::optional<Nanos>, kTurnSteps.size()> since_speech_end(const TurnTimes& turn) noexcept {
  std::array<std::optional<Nanos>, kTurnSteps.size()> found;
  const Nanos end = turn.at(TurnStamp::kSpeechEnd);
  for (std::size_t i = 0; i < kTurnSteps.size(); ++i)
    if (const Nanos at = turn.at(kTurnSteps[i].stamp); at != 0 && end != 0) found[i] = at - end;
  return found;
}

std::array<std::optional<Nanos>, kTurnSteps.size()> step_times(const TurnTimes& turn) noexcept {
  std::array<std::optional<Nanos>, kTurnSteps.size()> times = since_speech_end(turn);
  Nanos latest = 0;
  for (std::optional<Nanos>& time : times) {
    if (!time) continue;
    const Nanos at = std::max(*time, latest);
    time = at - latest;
    latest = at;
  }
  return times;
}

void write_turn(TurnLog& log, const TurnTimes& turn) noexcept {
  const std::uint64_t count = log.count.load(kRelaxed);
  TurnSlot& slot = log.slots[count % kTurnSlots];
  const std::uint64_t writing = slot.sequence.load(kRelaxed) | 1U;  // odd already: its writer died
  slot.sequence.store(writing, kRelaxed);
  std::atomic_thread_fence(std::memory_order_release);
  fill(slot, turn);
  slot.sequence.store(writing + 1, std::memory_order_release);
  log.count.store(count + 1, std::memory_order_release);
}

std::vector<TurnTimes> read_turns(const TurnLog& log, std::size_t most) {
  std::vector<TurnTimes> turns;
  const std::uint64_t count = log.count.load(std::memory_order_acquire);
  const std::uint64_t there = std::min<std::uint64_t>(count, std::min(most, kTurnSlots));
  for (std::uint64_t i = 1; i <= there; ++i)
    if (auto turn = read_slot(log.slots[(count - i) % kTurnSlots])) turns.push_back(std::move(*turn));
  return turns;
}

}  // namespace prot::ipc
