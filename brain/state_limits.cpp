#include "state_limits.hpp"

#include "base/log.hpp"

namespace prot::brain {

const char* to_string(Watch watch) noexcept {
  constexpr std::array<const char*, kWatches> kNames = {
      "nothing",          "the end of speech", "a transcript",         "the model",
      "the first sample", "playback",          "the player's account", "the person"};
  return kNames[static_cast<std::size_t>(watch)];
}

Nanos Watchdogs::deadline(State state, Watch watch, Nanos since) const noexcept {
  const StateLimit* row = find_limit(state, watch);
  if (row == nullptr || row->limit == kNever) return kNever;
  const Nanos own = limits_[static_cast<std::size_t>(watch)];
  return since + (own != 0 ? own : row->limit);
}

const StateLimit* Watchdogs::fire(State state, Watch watch, Nanos since, Nanos now) noexcept {
  if (now < deadline(state, watch, since)) return nullptr;
  const StateLimit* row = find_limit(state, watch);
  if (row->remedy == Remedy::kRest) return row;
  ++fired_[static_cast<std::size_t>(state)];
  log_warn("watchdog: {} for {} ms: {}", ipc::to_string(state), (now - since) / kMillisecond, row->message);
  return row;
}

}  // namespace prot::brain
