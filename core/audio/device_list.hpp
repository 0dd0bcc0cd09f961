#pragma once

#include <string>
#include <vector>

#include "base/clock.hpp"

namespace prot::audio {

enum class Direction { kCapture, kPlayback };

/// A device that can be opened by its name.
struct Device {
  std::string name;         // what AlsaOptions::device or PulseOptions::device takes
  std::string description;  // for a person; one line
  bool is_default = false;
  bool is_monitor = false;  // hears what a loudspeaker plays
};

/// The server's sources or sinks: real ones in the server's order, then monitors. Empty server: PulseAudio's
/// default. Throws Error ("PulseAudio: Connection refused") within about `limit`.
[[nodiscard]] std::vector<Device> pulse_devices(Direction direction, const std::string& server,
                                                Nanos limit = 3 * kSecond);
[[nodiscard]] inline std::vector<Device> pulse_devices(Direction direction) {
  return pulse_devices(direction, {});
}
/// What ALSA's configuration offers for this direction; the device "default" counts as the default.
[[nodiscard]] std::vector<Device> alsa_devices(Direction direction);

/// Devices of several backends in one list, each by the name that a configuration gives it.
struct DeviceList {
  struct Row {
    std::string spec;  // "pulse:mic"
    std::string description;
    bool is_default = false;  // of its backend
  };
  std::vector<Row> rows;
  std::string problems;  // why a backend lists none; "" when all did

  /// Asks one backend and appends what it has.
  void append(const std::string& backend, Direction direction,
              std::vector<Device> (*list)(Direction direction));
};

}  // namespace prot::audio
