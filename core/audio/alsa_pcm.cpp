#include "audio/alsa_pcm.hpp"

#include <alsa/asoundlib.h>

#include <cerrno>
#include <mutex>

#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr int kStallMs = 2000;

Error alsa_error(const std::string& what, const AlsaOptions& options, int code) {
  return Error(what + " ALSA device \"" + options.device + "\": " + snd_strerror(code));
}

void check(int code, const char* what, const AlsaOptions& options) {
  if (code < 0) throw alsa_error(std::string("cannot ") + what, options, code);
}

void ignore_message(const char* /*file*/, int /*line*/, const char* /*function*/, int /*code*/,
                    const char* /*format*/, ...) {}

/// libasound writes its errors to stderr; ours say the same once.
void silence_library() {
  static std::once_flag once;
  std::call_once(once, [] { snd_lib_error_set_handler(ignore_message); });
}

using Handle = std::unique_ptr<snd_pcm_t, AlsaCloser>;

void set_hardware(snd_pcm_t* pcm, const AlsaOptions& options, unsigned period_ms, unsigned buffer_ms) {
  snd_pcm_hw_params_t* hardware = nullptr;
  snd_pcm_hw_params_alloca(&hardware);
  check(snd_pcm_hw_params_any(pcm, hardware), "use", options);
  check(snd_pcm_hw_params_set_access(pcm, hardware, SND_PCM_ACCESS_RW_INTERLEAVED), "use", options);
  check(snd_pcm_hw_params_set_format(pcm, hardware, SND_PCM_FORMAT_S16_LE), "get 16-bit samples from",
        options);
  check(snd_pcm_hw_params_set_channels(pcm, hardware, options.format.channels), "set the channels of",
        options);
  check(snd_pcm_hw_params_set_rate_resample(pcm, hardware, 1), "resample on", options);
  check(snd_pcm_hw_params_set_rate(pcm, hardware, options.format.rate, 0), "set the rate of", options);
  unsigned period_us = period_ms * 1000;
  unsigned buffer_us = buffer_ms * 1000;
  check(snd_pcm_hw_params_set_period_time_near(pcm, hardware, &period_us, nullptr), "set the period of",
        options);
  check(snd_pcm_hw_params_set_buffer_time_near(pcm, hardware, &buffer_us, nullptr), "set the buffer of",
        options);
  check(snd_pcm_hw_params(pcm, hardware), "set up", options);
}

void set_software(snd_pcm_t* pcm, const AlsaOptions& options) {
  snd_pcm_uframes_t buffer = 0;
  snd_pcm_uframes_t period = 0;
  check(snd_pcm_get_params(pcm, &buffer, &period), "read the setting of", options);
  snd_pcm_sw_params_t* software = nullptr;
  snd_pcm_sw_params_alloca(&software);
  check(snd_pcm_sw_params_current(pcm, software), "use", options);
  check(snd_pcm_sw_params_set_avail_min(pcm, software, period), "set up", options);
  // One period is enough to start: waiting for a full buffer would only add delay.
  check(snd_pcm_sw_params_set_start_threshold(pcm, software, period), "set up", options);
  check(snd_pcm_sw_params(pcm, software), "set up", options);
}

Handle open(const AlsaOptions& options, snd_pcm_stream_t direction, unsigned period_ms, unsigned buffer_ms) {
  silence_library();
  const std::string device = options.device.starts_with("hw:") ? "plug" + options.device : options.device;
  snd_pcm_t* raw = nullptr;
  check(snd_pcm_open(&raw, device.c_str(), direction, SND_PCM_NONBLOCK), "open", options);
  Handle pcm(raw);
  set_hardware(raw, options, options.period_ms > 0 ? options.period_ms : period_ms,
               options.buffer_ms > 0 ? options.buffer_ms : buffer_ms);
  set_software(raw, options);
  return pcm;
}

/// Waits until the device can go on. False: it reported an over- or underrun, which is repaired.
bool wait(snd_pcm_t* pcm, const AlsaOptions& options) {
  const int ready = snd_pcm_wait(pcm, kStallMs);
  if (ready == 0) throw alsa_error("no sound passes", options, -ETIMEDOUT);
  if (ready > 0) return true;
  if (const int code = snd_pcm_recover(pcm, ready, 1); code < 0) throw alsa_error("lost", options, code);
  return false;
}

Nanos delay_of(snd_pcm_t* pcm, const AlsaOptions& options) {
  snd_pcm_sframes_t frames = 0;
  // An error means that it is not running: nothing is on its way then.
  if (snd_pcm_delay(pcm, &frames) < 0 || frames < 0) return 0;
  return frames_to_nanos(frames, options.format.rate);
}

}  // namespace

void AlsaCloser::operator()(snd_pcm_t* pcm) const noexcept { snd_pcm_close(pcm); }

AlsaCapture::AlsaCapture(const AlsaOptions& options)
    : options_(options), pcm_(open(options, SND_PCM_STREAM_CAPTURE, 16, 250)) {
  check(snd_pcm_start(pcm_.get()), "start", options_);
}

void AlsaCapture::read(std::span<std::int16_t> samples) {
  const std::size_t channels = options_.format.channels;
  while (!samples.empty()) {
    const snd_pcm_sframes_t got = snd_pcm_readi(pcm_.get(), samples.data(), samples.size() / channels);
    if (got > 0) {
      samples = samples.subspan(static_cast<std::size_t>(got) * channels);
      continue;
    }
    bool running = true;
    if (got == 0 || got == -EAGAIN) {
      running = wait(pcm_.get(), options_);
    } else if (const int code = snd_pcm_recover(pcm_.get(), static_cast<int>(got), 1); code < 0) {
      throw alsa_error("lost", options_, code);
    } else {
      running = false;
    }
    if (!running) {
      ++overruns_;
      check(snd_pcm_start(pcm_.get()), "start", options_);
    }
  }
}

Nanos AlsaCapture::latency() { return delay_of(pcm_.get(), options_); }

AlsaPlayback::AlsaPlayback(const AlsaOptions& options)
    : options_(options), pcm_(open(options, SND_PCM_STREAM_PLAYBACK, 10, 40)) {}

void AlsaPlayback::write(std::span<const std::int16_t> samples) {
  const std::size_t channels = options_.format.channels;
  while (!samples.empty()) {
    const snd_pcm_sframes_t taken = snd_pcm_writei(pcm_.get(), samples.data(), samples.size() / channels);
    if (taken > 0) {
      samples = samples.subspan(static_cast<std::size_t>(taken) * channels);
    } else if (taken == 0 || taken == -EAGAIN) {
      if (!wait(pcm_.get(), options_)) ++underruns_;
    } else {
      if (const int code = snd_pcm_recover(pcm_.get(), static_cast<int>(taken), 1); code < 0) {
        throw alsa_error("lost", options_, code);
      }
      ++underruns_;
    }
  }
}

unsigned AlsaPlayback::underruns() const noexcept {
  return underruns_ + (snd_pcm_state(pcm_.get()) == SND_PCM_STATE_XRUN ? 1 : 0);
}

Nanos AlsaPlayback::latency() { return delay_of(pcm_.get(), options_); }

void AlsaPlayback::drain() {
  snd_pcm_nonblock(pcm_.get(), 0);
  snd_pcm_drain(pcm_.get());  // an error means that nothing was left to play
  snd_pcm_nonblock(pcm_.get(), 1);
  check(snd_pcm_prepare(pcm_.get()), "go on with", options_);
}

void AlsaPlayback::flush() {
  snd_pcm_drop(pcm_.get());  // an error means that nothing was left to drop
  check(snd_pcm_prepare(pcm_.get()), "go on with", options_);
}

}  // namespace prot::audio
