#pragma once

#include <string>
#include <vector>

#include "stage/config.hpp"
#include "stage/self_check.hpp"

namespace prot::player {

/// The sinks to try, in order, as player.sink and player.device say.
[[nodiscard]] std::vector<std::string> sink_candidates(const stage::Config& config);

/// For --check and --devices.
[[nodiscard]] stage::Findings check_player(const stage::CheckContext& context);
[[nodiscard]] std::vector<stage::DeviceRow> player_rows(const stage::CheckContext& context);

}  // namespace prot::player
