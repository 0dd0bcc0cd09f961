#include "audio/pulse_stream.hpp"

#include <pulse/error.h>
#include <pulse/simple.h>

#include "audio/pulse_server.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr unsigned kRecordFragmentMs = 16;  // half a 512-sample frame at 16 kHz: little waits for the rest
constexpr unsigned kPlaybackBufferMs = 40;
constexpr Nanos kServerAnswersWithin = 3 * kSecond;

Error pulse_error(const std::string& what, const std::string& where, int code) {
  return Error(what + " " + where + ": " + pa_strerror(code));
}

std::string describe(const PulseOptions& options, const char* kind) {
  return std::string("PulseAudio ") + kind + " \"" + (options.device.empty() ? "default" : options.device) +
         "\"" + (options.server.empty() ? "" : " on server \"" + options.server + "\"");
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::unique_ptr<pa_simple, PulseCloser> open(const PulseOptions& options, const std::string& where,
                                             pa_stream_direction_t direction) {
  const pa_sample_spec spec = {.format = PA_SAMPLE_S16LE,
                               .rate = options.format.rate,
                               .channels = static_cast<std::uint8_t>(options.format.channels)};
  if (pa_sample_spec_valid(&spec) == 0) throw Error("cannot open " + where + ": no such sample format");
  const bool record = direction == PA_STREAM_RECORD;
  const unsigned ms = options.latency_ms > 0 ? options.latency_ms
                      : record               ? kRecordFragmentMs
                                             : kPlaybackBufferMs;
  const auto bytes = [&](unsigned microseconds) {
    return static_cast<std::uint32_t>(pa_usec_to_bytes(microseconds, &spec));
  };
  constexpr auto kServerDefault = static_cast<std::uint32_t>(-1);
  pa_buffer_attr attributes = {kServerDefault, kServerDefault, kServerDefault, kServerDefault,
                               kServerDefault};
  if (record) {
    attributes.fragsize = bytes(ms * 1000);
  } else {
    attributes.tlength = bytes(ms * 1000);
    // A quarter is enough to start. It must not be 0: after an underrun the server would then throw away
    // samples that come late instead of waiting for them.
    attributes.prebuf = bytes(ms * 250);
    attributes.minreq = bytes(ms * 250);
  }
  // pa_simple_new() would start a server where none runs.
  const PulseServer running(options.server, kServerAnswersWithin, "cannot open " + where);
  int code = 0;
  pa_simple* stream =
      pa_simple_new(or_null(options.server), options.client.c_str(), direction, or_null(options.device),
                    options.stream.c_str(), &spec, nullptr, &attributes, &code);
  if (stream == nullptr) throw pulse_error("cannot open", where, code);
  return std::unique_ptr<pa_simple, PulseCloser>(stream);
}

}  // namespace

void PulseCloser::operator()(pa_simple* stream) const noexcept { pa_simple_free(stream); }

PulseRecord::PulseRecord(const PulseOptions& options)
    : stream_(open(options, describe(options, "source"), PA_STREAM_RECORD)),
      where_(describe(options, "source")),
      channels_(options.format.channels),
      arrivals_(options.format.rate) {}

void PulseRecord::read(std::span<std::int16_t> samples) {
  int code = 0;
  if (pa_simple_read(stream_.get(), samples.data(), samples.size_bytes(), &code) < 0) {
    throw pulse_error("lost", where_, code);
  }
  arrivals_.arrived(static_cast<std::int64_t>(samples.size() / channels_), monotonic_now());
}

void PulseRecord::flush() {
  int code = 0;
  if (pa_simple_flush(stream_.get(), &code) < 0) throw pulse_error("lost", where_, code);
  arrivals_.reset();
}

PulsePlayback::PulsePlayback(const PulseOptions& options)
    : stream_(open(options, describe(options, "sink"), PA_STREAM_PLAYBACK)),
      where_(describe(options, "sink")) {}

void PulsePlayback::write(std::span<const std::int16_t> samples) {
  int code = 0;
  if (pa_simple_write(stream_.get(), samples.data(), samples.size_bytes(), &code) < 0) {
    throw pulse_error("lost", where_, code);
  }
}

Nanos PulsePlayback::latency() {
  int code = 0;
  const pa_usec_t latency = pa_simple_get_latency(stream_.get(), &code);
  if (latency == static_cast<pa_usec_t>(-1)) throw pulse_error("lost", where_, code);
  return static_cast<Nanos>(latency) * kMicrosecond;
}

void PulsePlayback::drain() {
  int code = 0;
  if (pa_simple_drain(stream_.get(), &code) < 0) throw pulse_error("lost", where_, code);
}

void PulsePlayback::flush() {
  int code = 0;
  if (pa_simple_flush(stream_.get(), &code) < 0) throw pulse_error("lost", where_, code);
}

}  // namespace prot::audio
