#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "audio/arrival_clock.hpp"
#include "audio/pcm_format.hpp"

struct pa_simple;

namespace prot::audio {

/// Which PulseAudio stream to open. Empty server or device: PulseAudio's default.
struct PulseOptions {
  std::string server;
  std::string device;  // a source's name to record, a sink's name to play
  std::string client = "prot";
  std::string stream = "voice";
  PcmFormat format;
  unsigned latency_ms = 0;  // 0: 16 ms fragments to record, 40 ms buffered to play
};

struct PulseCloser {
  void operator()(pa_simple* stream) const noexcept;
};

/// A recording stream; the server converts to the format asked for. Opened and started by the constructor.
/// Use from one thread. The functions block and throw Error that names server and device.
class PulseRecord {
 public:
  explicit PulseRecord(const PulseOptions& options);

  /// Blocks until `samples` is full. Size: a multiple of the channels.
  void read(std::span<std::int16_t> samples);
  /// How old the next sample to be read is: time since it was at the microphone, without the converter's own
  /// few milliseconds. Known from the arrivals, not asked of the server. RT safe.
  [[nodiscard]] Nanos latency() const noexcept { return arrivals_.lateness(monotonic_now()); }
  /// Drops what was recorded and not read yet.
  void flush();

 private:
  std::unique_ptr<pa_simple, PulseCloser> stream_;
  std::string where_;
  unsigned channels_;
  ArrivalClock arrivals_;
};

}  // namespace prot::audio
