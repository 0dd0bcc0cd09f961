#pragma once

#include <string>

#include "audio/tape.hpp"
#include "echo_remover.hpp"
#include "stage/self_check.hpp"

namespace prot::capture {

/// What a test sound became on its way from the loudspeaker to the microphone and through the canceller.
/// Levels are dBFS.
struct EchoMeasurement {
  double seconds = 0;        // of the sound that were recorded
  double noise_db = -120;    // before the sound
  double echo_db = -120;     // while it lasted
  double peak_db = -120;     // the loudest sample of it
  double left_db = -120;     // after the canceller, its last seconds
  double removed_db = 0;     // the difference to what was heard then
  double delay_ms = 0;       // behind what both devices say of themselves
  double likeness = 0;       // 0 .. 1: how sure the delay is
  double found_ms = -1;      // the same delay as a running capture finds it; -1: it does not
  double moved_ms = 0;       // by how much it moves what was played for that
  double converged_ms = -1;  // until what is removed comes within 3 dB of that; -1: never
};

/// Gives both recordings to `remover` as a running capture would, and compares.
[[nodiscard]] EchoMeasurement measure_echo(const audio::Tape& played, const audio::Tape& recorded,
                                           EchoRemover& remover);

/// What follows from it. `canceller`: "none" when nothing is removed, in a running prot either.
[[nodiscard]] stage::Findings echo_findings(const EchoMeasurement& echo, std::string_view canceller,
                                            bool headphones);
/// {"echo":{...}}
[[nodiscard]] std::string to_json(const EchoMeasurement& echo);

}  // namespace prot::capture
