#include "audio/pulse_stream.hpp"

#include <pulse/error.h>
#include <pulse/simple.h>

#include "audio/pulse_server.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr unsigned kRecordFragmentMs = 16;  // half a 512-sample frame at 16 kHz: little waits for the rest
constexpr Nanos kServerAnswersWithin = 3 * kSecond;

Error pulse_error(const std::string& what, const std::string& where, int code) {
  return Error(what + " " + where + ": " + pa_strerror(code));
}

std::string describe(const PulseOptions& options) {
  return "PulseAudio source \"" + (options.device.empty() ? "default" : options.device) + "\"" +
         (options.server.empty() ? "" : " on server \"" + options.server + "\"");
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::unique_ptr<pa_simple, PulseCloser> open(const PulseOptions& options, const std::string& where) {
  const pa_sample_spec spec = {.format = PA_SAMPLE_S16LE,
                               .rate = options.format.rate,
                               .channels = static_cast<std::uint8_t>(options.format.channels)};
  if (pa_sample_spec_valid(&spec) == 0) throw Error("cannot open " + where + ": no such sample format");
  const unsigned ms = options.latency_ms > 0 ? options.latency_ms : kRecordFragmentMs;
  constexpr auto kServerDefault = static_cast<std::uint32_t>(-1);
  pa_buffer_attr attributes = {kServerDefault, kServerDefault, kServerDefault, kServerDefault,
                               kServerDefault};
  attributes.fragsize = static_cast<std::uint32_t>(pa_usec_to_bytes(pa_usec_t{ms} * 1000, &spec));
  // pa_simple_new() would start a server where none runs.
  const PulseServer running(options.server, kServerAnswersWithin, "cannot open " + where);
  int code = 0;
  pa_simple* stream =
      pa_simple_new(or_null(options.server), options.client.c_str(), PA_STREAM_RECORD,
                    or_null(options.device), options.stream.c_str(), &spec, nullptr, &attributes, &code);
  if (stream == nullptr) throw pulse_error("cannot open", where, code);
  return std::unique_ptr<pa_simple, PulseCloser>(stream);
}

}  // namespace

void PulseCloser::operator()(pa_simple* stream) const noexcept { pa_simple_free(stream); }

PulseRecord::PulseRecord(const PulseOptions& options)
    : stream_(open(options, describe(options))),
      where_(describe(options)),
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

}  // namespace prot::audio
