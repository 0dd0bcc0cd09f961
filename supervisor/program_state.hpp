#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ipc/board.hpp"

/// The life of one program as a table of states and events. What the user wants (up, down, held) is kept
/// apart from what is: a restart is "stop" with the wish "up".
namespace prot::supervisor {

using State = ipc::ProgramState;  // kDown kStarting kReady kStopping kBackoff kFailed kHeld kDone
inline constexpr std::size_t kStateCount = 8;

enum class Event : std::uint8_t {
  kStart,       // it is wanted up
  kReady,       // it said READY=1, or its probe succeeded
  kExit,        // it ended, whatever the reason, but for the next two
  kConfigExit,  // it ended with 2 or 78 before it was ready, or could not be executed
  kDrained,     // it ended with 0 while the instance drains
  kStop,        // it is not wanted up any more
  kDeadline,    // the state's time is over
  kHung,        // its work loop makes no progress
  kHold,        // a developer's process takes its place
  kRelease,     // that process has ended
};
inline constexpr std::size_t kEventCount = 10;

enum class Action : std::uint8_t {
  kIgnore,
  kSpawn,      // start its next process
  kAnnounce,   // it is ready
  kRetry,      // wait for the back-off
  kGiveUp,     // wait until somebody changes something
  kTerminate,  // ask it to end; the deadline kills
  kKill,       // SIGKILL to its group; the exit follows
  kSettle,     // no process any more: look at what is wanted
  kHold,       // a place for the joiner
  kFinish,     // the drain has passed through it
};

struct Transition {
  State next = State::kDown;
  Action action = Action::kIgnore;
  bool covered = false;
};

using StateTable = std::array<std::array<Transition, kEventCount>, kStateCount>;

/// Every pair, in rows of the order of Event. `S` alone: stay and ignore.
consteval StateTable make_state_table() {
  using enum Action;
  constexpr auto kD = State::kDown, kS = State::kStarting, kR = State::kReady, kP = State::kStopping,
                 kB = State::kBackoff, kF = State::kFailed, kH = State::kHeld, kE = State::kDone;
  StateTable t{};
  const auto row = [&t](State state, std::array<Transition, kEventCount> cells) {
    for (Transition& cell : cells) cell.covered = true;
    t[static_cast<std::size_t>(state)] = cells;
  };
  //        start          ready            exit          config exit    drained        stop
  //        deadline       hung             hold             release
  row(kD, {{{kS, kSpawn}, {kD}, {kD}, {kD}, {kD}, {kD}, {kD}, {kD}, {kH, Action::kHold}, {kD}}});
  row(kS, {{{kS},
            {kR, kAnnounce},
            {kB, kRetry},
            {kF, kGiveUp},
            {kE, kFinish},
            {kP, kTerminate},
            {kS, kKill},
            {kS},
            {kP, kTerminate},
            {kS}}});
  row(kR, {{{kR},
            {kR},
            {kB, kRetry},
            {kB, kRetry},
            {kE, kFinish},
            {kP, kTerminate},
            {kR},
            {kR, kKill},
            {kP, kTerminate},
            {kR}}});
  row(kP, {{{kP}, {kP}, {kD, kSettle}, {kD, kSettle}, {kD, kSettle}, {kP}, {kP, kKill}, {kP}, {kP}, {kP}}});
  row(kB,
      {{{kS, kSpawn}, {kB}, {kB}, {kB}, {kB}, {kD, kSettle}, {kS, kSpawn}, {kB}, {kH, Action::kHold}, {kB}}});
  row(kF, {{{kS, kSpawn}, {kF}, {kF}, {kF}, {kF}, {kD, kSettle}, {kF}, {kF}, {kH, Action::kHold}, {kF}}});
  row(kH, {{{kH}, {kH}, {kH}, {kH}, {kH}, {kH}, {kH}, {kH}, {kH}, {kD, kSettle}}});
  row(kE, {{{kE}, {kE}, {kE}, {kE}, {kE}, {kE}, {kE}, {kE}, {kE}, {kE}}});
  return t;
}
inline constexpr StateTable kStateTable = make_state_table();

consteval bool covers_every_pair(const StateTable& table) {
  for (const auto& row : table)
    for (const Transition& cell : row)
      if (!cell.covered) return false;
  return true;
}
static_assert(covers_every_pair(kStateTable), "a (state, event) pair is missing");
static_assert(static_cast<std::size_t>(State::kDone) + 1 == kStateCount);
static_assert(static_cast<std::size_t>(Event::kRelease) + 1 == kEventCount);

[[nodiscard]] constexpr const Transition& transition(State state, Event event) noexcept {
  return kStateTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// A process of this state exists (or is just about to be reaped).
[[nodiscard]] constexpr bool has_process(State state) noexcept {
  return state == State::kStarting || state == State::kReady || state == State::kStopping;
}

}  // namespace prot::supervisor
