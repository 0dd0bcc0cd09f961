#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "audio/pcm_format.hpp"

struct _snd_pcm;  // snd_pcm_t. NOLINT(bugprone-reserved-identifier): ALSA's name

namespace prot::audio {

/// Which ALSA device to open. A "hw:" device is opened through "plug", so any rate and format works.
struct AlsaOptions {
  std::string device = "default";
  PcmFormat format;
  unsigned period_ms = 0;  // 0: 16 ms to record, 10 ms to play
  unsigned buffer_ms = 0;  // 0: 250 ms to record, 40 ms to play
};

struct AlsaCloser {
  void operator()(_snd_pcm* pcm) const noexcept;
};

/// A recording device. Use from one thread. Functions block and throw Error that names the device;
/// an overrun is repaired and counted, a device without data for two seconds is an error.
class AlsaCapture {
 public:
  explicit AlsaCapture(const AlsaOptions& options);

  /// Blocks until `samples` is full. Size: a multiple of the channels.
  void read(std::span<std::int16_t> samples);
  /// How old the next sample to be read is.
  [[nodiscard]] Nanos latency();
  [[nodiscard]] unsigned overruns() const noexcept { return overruns_; }

 private:
  AlsaOptions options_;
  std::unique_ptr<_snd_pcm, AlsaCloser> pcm_;
  unsigned overruns_ = 0;
};

/// A playback device. Use from one thread. Blocks, throws Error; an underrun is repaired and counted.
class AlsaPlayback {
 public:
  explicit AlsaPlayback(const AlsaOptions& options);

  /// Blocks until the device's buffer has taken all samples.
  void write(std::span<const std::int16_t> samples);
  /// Time until the last sample written is heard.
  [[nodiscard]] Nanos latency();
  /// Blocks until everything written was heard.
  void drain();
  /// Drops what is not heard yet.
  void flush();
  /// One that is not repaired yet counts.
  [[nodiscard]] unsigned underruns() const noexcept;

 private:
  AlsaOptions options_;
  std::unique_ptr<_snd_pcm, AlsaCloser> pcm_;
  unsigned underruns_ = 0;
};

}  // namespace prot::audio
