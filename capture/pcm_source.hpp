#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "audio/device_list.hpp"
#include "audio/pacer.hpp"
#include "base/clock.hpp"

namespace prot::capture {

/// What a source delivers: mono 16-bit samples at `rate`, whatever the device gives.
struct SourceOptions {
  unsigned rate = 16'000;
  std::string pulse_server{};     // empty: PulseAudio's default
  bool wav_then_silence = false;  // at its end a WAV file goes on as silence instead of ending
  bool wav_in_real_time = true;   // false: as fast as it is read
  audio::Pacing pacing{};         // of wav and null
};

/// A microphone. Made on the main thread; start(), read(), latency() are then called by the audio thread
/// alone. The functions throw Error that names backend and device.
class PcmSource {
 public:
  virtual ~PcmSource() = default;

  /// Opens the device and starts it.
  virtual void start() = 0;
  /// Blocks until `samples` is full. False: the source has ended; the rest of `samples` is then silence.
  [[nodiscard]] virtual bool read(std::span<std::int16_t> samples) = 0;
  /// How old the next sample to be read is: the sample just read last was at the microphone about
  /// now - latency(). 0 when not known.
  [[nodiscard]] virtual Nanos latency() = 0;
  /// Backend and device as the user gave it, e.g. "pulse:mic".
  [[nodiscard]] virtual std::string name() const = 0;
};

/// Makes a source from "BACKEND" or "BACKEND:DEVICE": pulse, alsa, wav:FILE, null. Does not open it yet.
/// Throws UsageError for a name that is not known or not built in.
[[nodiscard]] std::unique_ptr<PcmSource> make_source(std::string_view spec,
                                                     const SourceOptions& options = {});
/// The backends that are built in.
[[nodiscard]] std::vector<std::string> source_names();
/// Every device of the backends that have some. The position is the row of `prot doctor`'s list, which
/// capture.device_index names: pulse's before alsa's, each in its own order. Asks servers, opens nothing.
[[nodiscard]] audio::DeviceList list_sources();

}  // namespace prot::capture
