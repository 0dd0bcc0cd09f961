#pragma once

#include "segmenter.hpp"
#include "stage/config.hpp"
#include "turn_wait.hpp"

namespace prot::capture {

/// What the configuration says of turns.
[[nodiscard]] SegmenterOptions segmenter_options(const stage::Config& config);
[[nodiscard]] TurnWaitSettings wait_settings(const stage::Config& config);

}  // namespace prot::capture
