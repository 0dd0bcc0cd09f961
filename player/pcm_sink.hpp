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

namespace prot::player {

/// What a sink takes: mono 16-bit samples at `rate`; the device converts.
struct SinkOptions {
  unsigned rate = 24'000;
  unsigned latency_ms = 40;    // how much is buffered towards the device
  std::string pulse_server{};  // empty: PulseAudio's default
  audio::Pacing pacing{};      // of wav and null
};

/// A loudspeaker. Made on the main thread; all other functions are then called by the audio thread alone.
/// They throw Error that names backend and device. A device that ran dry may swallow the first 10 ms or so of
/// what comes next (PulseAudio does): go on writing silence between segments, or lead in with it,
/// as every voice does.
class PcmSink {
 public:
  virtual ~PcmSink() = default;

  /// Opens the device.
  virtual void start() = 0;
  /// Blocks until the device has taken all samples.
  virtual void write(std::span<const std::int16_t> samples) = 0;
  /// Time until the last sample written is audible.
  [[nodiscard]] virtual Nanos latency() = 0;
  /// The device has had nothing to play since this was last asked, by its own account.
  [[nodiscard]] virtual bool ran_dry() { return false; }
  /// Blocks until everything written was audible.
  virtual void drain() = 0;
  /// Drops what is not audible yet, at once.
  virtual void flush() = 0;
  [[nodiscard]] virtual unsigned rate() const noexcept = 0;
  /// Backend and device as the user gave it, e.g. "pulse:speaker".
  [[nodiscard]] virtual std::string name() const = 0;
};

/// Makes a sink from "BACKEND" or "BACKEND:DEVICE": pulse, alsa, wav:FILE, null. Does not open it yet.
/// Throws UsageError for a name that is not known or not built in.
[[nodiscard]] std::unique_ptr<PcmSink> make_sink(std::string_view spec, const SinkOptions& options = {});
/// The backends that are built in.
[[nodiscard]] std::vector<std::string> sink_names();
/// Every device of the backends that have some. Asks servers, opens nothing.
[[nodiscard]] audio::DeviceList list_sinks();

}  // namespace prot::player
