#pragma once

#include <string_view>

#include "stage/config.hpp"

namespace prot::stage {

/// Which canceller capture is to use, as capture.echo_cancellation and player.headphones say: "webrtc" or
/// "none". "auto" is the one that is built in.
[[nodiscard]] std::string_view echo_canceller(const Config& config);
/// Prot's own voice does not come back through the microphone: the person may interrupt while it speaks.
[[nodiscard]] bool own_voice_is_unheard(const Config& config);

}  // namespace prot::stage
