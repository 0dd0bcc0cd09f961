#pragma once

#include <string>

#include "services/answer.hpp"
#include "stage/self_check.hpp"

namespace prot::services {

/// Opens a session of ElevenLabs' realtime recognition, waits for its first message, and closes it: without
/// audio that costs nothing. As services::Prober says.
[[nodiscard]] Answer greet_elevenlabs_realtime(const stage::CheckContext& context, const Service& service,
                                               const std::string& key);

}  // namespace prot::services
