#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "audio/pulse_stream.hpp"

namespace prot::audio {

/// A playback stream; the server converts from the format given. Use from one thread; libpulse's own is
/// behind it. Blocks, throws Error that names server and device.
class PulsePlayback {
 public:
  explicit PulsePlayback(const PulseOptions& options);
  PulsePlayback(const PulsePlayback&) = delete;
  PulsePlayback& operator=(const PulsePlayback&) = delete;
  ~PulsePlayback();

  /// Blocks until the server has taken all samples.
  void write(std::span<const std::int16_t> samples);
  /// Time until the last sample written is heard.
  [[nodiscard]] Nanos latency();
  /// Blocks until everything written was heard.
  void drain();
  /// Drops what is not heard yet.
  void flush();
  /// How often the server found nothing to play, by its own account; also after the end of what was said.
  [[nodiscard]] std::uint64_t underruns() const noexcept;

 private:
  struct Connection;

  PulseOptions options_;
  std::string where_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace prot::audio
