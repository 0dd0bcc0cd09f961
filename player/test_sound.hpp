#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "audio/tape.hpp"
#include "pcm_sink.hpp"
#include "stage/self_check.hpp"

namespace prot::player {

/// For `prot doctor --echo`: a second of silence, five seconds of noise with the spectrum and the rhythm of
/// speech (about -20 dBFS), half a second of silence. Always the same.
[[nodiscard]] std::vector<std::int16_t> test_sound(unsigned rate);

/// Plays `sound` through `sink`, which is open, and says when each 10 ms of it were at the DAC. Blocks until
/// all was audible. Throws Error.
[[nodiscard]] audio::Tape play_on_tape(PcmSink& sink, std::vector<std::int16_t> sound);

/// What `prot doctor --echo` asks of prot-player. "sound": plays the test sound on the configured
/// loudspeaker, and writes it as a tape on stdout. Returns the exit code. Throws UsageError for another name,
/// Error.
[[nodiscard]] int probe_player(const stage::CheckContext& context, std::string_view name);

}  // namespace prot::player
