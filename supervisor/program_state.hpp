#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ipc/board.hpp"

/// The life of one program as a table of states and events. What the user wants (up, down, held) is kept
/// apart from what is: a restart is "stop" with the wish "up".
namespace prot::supervisor {

using State = ipc::ProgramState;  // kDown kStarting kReady kStopping kBackoff kFailed kHeld kDone kEnding
inline constexpr std::size_t kStateCount = 9;

enum class Event : std::uint8_t {
  kStart,       // it is wanted up
  kReady,       // it said READY=1, or its probe succeeded
  kLeftover,    // it ended by itself, but its process group is not empty yet
  kExit,        // it and its group ended, whatever the reason, but for the next two
  kConfigExit,  // ended with 2 or 78 before it was ready, or could not be executed
  kDrained,     // ended with 0 while the instance drains
  kStop,        // it is not wanted up any more
  kDeadline,    // the state's time is over
  kHung,        // its work loop makes no progress
  kHold,        // a developer's process takes its place
  kRelease,     // that process has ended
  kExitHeld,    // it ended, and a debugger keeps its place
};
inline constexpr std::size_t kEventCount = 12;

enum class Action : std::uint8_t {
  kIgnore,
  kSpawn,      // start its next process
  kAnnounce,   // it is ready
  kForgive,    // it has been well for long: its deaths are forgotten
  kRetry,      // wait for the back-off
  kGiveUp,     // wait until somebody changes something, and look at long intervals
  kTerminate,  // ask it to end; kEscalate follows at each deadline
  kAbort,      // end it so that a trace of where it hangs is left
  kClear,      // SIGKILL, if it lives; wait for what is left of its group
  kEscalate,   // the next, harder signal
  kSettle,     // no process any more: look at what is wanted
  kHold,       // a place for the joiner
  kVacate,     // the place stays empty until the debugger lets go
  kFinish,     // the drain has passed through it
};

struct Transition {
  State next = State::kDown;
  Action action = Action::kIgnore;
  bool covered = false;
};

using StateTable = std::array<std::array<Transition, kEventCount>, kStateCount>;

/// Every pair, in rows of the order of Event. A state alone: stay and ignore.
consteval StateTable make_state_table() {
  using enum Action;
  constexpr auto kD = State::kDown, kS = State::kStarting, kR = State::kReady, kP = State::kStopping,
                 kB = State::kBackoff, kF = State::kFailed, kH = State::kHeld, kE = State::kDone,
                 kX = State::kEnding;
  constexpr auto kTake = Action::kHold;
  StateTable t{};
  const auto row = [&t](State state, std::array<Transition, kEventCount> cells) {
    for (Transition& cell : cells) cell.covered = true;
    t[static_cast<std::size_t>(state)] = cells;
  };
  // clang-format off
  //         start             ready             leftover          exit
  //         config exit       drained           stop              deadline
  //         hung              hold              release           exit held
  row(kD, {{{kS, kSpawn},     {kD},             {kD},             {kD},
            {kD},             {kD},             {kD},             {kD},
            {kD},             {kH, kTake},      {kD},             {kD}}});
  row(kS, {{{kS},             {kR, kAnnounce},  {kX, kClear},     {kB, kRetry},
            {kF, kGiveUp},    {kE, kFinish},    {kP, kTerminate}, {kX, kAbort},
            {kS},             {kP, kTerminate}, {kS},             {kH, kVacate}}});
  row(kR, {{{kR},             {kR},             {kX, kClear},     {kB, kRetry},
            {kB, kRetry},     {kE, kFinish},    {kP, kTerminate}, {kR, kForgive},
            {kX, kAbort},     {kP, kTerminate}, {kR},             {kH, kVacate}}});
  row(kP, {{{kP},             {kP},             {kP, kClear},     {kD, kSettle},
            {kD, kSettle},    {kD, kSettle},    {kP},             {kP, kEscalate},
            {kP},             {kP},             {kP},             {kD, kSettle}}});
  row(kB, {{{kS, kSpawn},     {kB},             {kB},             {kB},
            {kB},             {kB},             {kD, kSettle},    {kS, kSpawn},
            {kB},             {kH, kTake},      {kB},             {kB}}});
  row(kF, {{{kS, kSpawn},     {kF},             {kF},             {kF},
            {kF},             {kF},             {kD, kSettle},    {kS, kSpawn},
            {kF},             {kH, kTake},      {kF},             {kF}}});
  row(kH, {{{kH},             {kH},             {kH},             {kH},
            {kH},             {kH},             {kH},             {kH},
            {kH},             {kH},             {kD, kSettle},    {kH}}});
  row(kE, {{{kE},             {kE},             {kE},             {kE},
            {kE},             {kE},             {kE},             {kE},
            {kE},             {kE},             {kE},             {kE}}});
  row(kX, {{{kX},             {kX},             {kX, kClear},     {kB, kRetry},
            {kF, kGiveUp},    {kE, kFinish},    {kP, kClear},     {kX, kEscalate},
            {kX},             {kP, kClear},     {kX},             {kH, kVacate}}});
  // clang-format on
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
static_assert(static_cast<std::size_t>(State::kEnding) + 1 == kStateCount);
static_assert(static_cast<std::size_t>(Event::kExitHeld) + 1 == kEventCount);

[[nodiscard]] constexpr const Transition& transition(State state, Event event) noexcept {
  return kStateTable[static_cast<std::size_t>(state)][static_cast<std::size_t>(event)];
}

/// A process of this state exists (or is just about to be reaped), or something of its group.
[[nodiscard]] constexpr bool has_process(State state) noexcept {
  return state == State::kStarting || state == State::kReady || state == State::kStopping ||
         state == State::kEnding;
}

}  // namespace prot::supervisor
