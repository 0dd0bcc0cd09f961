#include "audio/pulse_playback.hpp"

#include <pulse/error.h>
#include <pulse/stream.h>
#include <pulse/thread-mainloop.h>

#include <algorithm>
#include <atomic>

#include "audio/pulse_server.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

constexpr unsigned kBufferMs = 40;
constexpr Nanos kServerAnswersWithin = 3 * kSecond;

struct LoopCloser {
  void operator()(pa_threaded_mainloop* loop) const noexcept {
    pa_threaded_mainloop_stop(loop);
    pa_threaded_mainloop_free(loop);
  }
};

/// What the loop's thread must not do meanwhile.
class Lock {
 public:
  explicit Lock(pa_threaded_mainloop* loop) noexcept : loop_(loop) { pa_threaded_mainloop_lock(loop); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { pa_threaded_mainloop_unlock(loop_); }

 private:
  pa_threaded_mainloop* loop_;
};

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

struct PulsePlayback::Connection {
  std::unique_ptr<pa_threaded_mainloop, LoopCloser> loop{pa_threaded_mainloop_new()};
  pa_context* context = nullptr;
  pa_stream* stream = nullptr;
  std::atomic<std::uint64_t> underruns{0};

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (!loop) return;
    {
      const Lock lock(loop.get());
      if (stream != nullptr) {
        pa_stream_disconnect(stream);
        pa_stream_unref(stream);
      }
      if (context != nullptr) {
        pa_context_disconnect(context);
        pa_context_unref(context);
      }
    }
    loop.reset();
  }

  static void wake(void* self) { pa_threaded_mainloop_signal(static_cast<Connection*>(self)->loop.get(), 0); }

  // The others need the lock.
  [[nodiscard]] bool alive() const {
    return PA_CONTEXT_IS_GOOD(pa_context_get_state(context)) &&
           (stream == nullptr || PA_STREAM_IS_GOOD(pa_stream_get_state(stream)));
  }
  void wait(const std::string& what) const {
    check(what);
    pa_threaded_mainloop_wait(loop.get());
    check(what);
  }
  void check(const std::string& what) const {
    if (!alive()) fail(what);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(what + ": " + pa_strerror(pa_context_errno(context)));
  }
  void finish(pa_operation* started, const std::string& what) const {
    if (started == nullptr) fail(what);
    const PulseOperation operation(started);
    while (pa_operation_get_state(operation.get()) == PA_OPERATION_RUNNING) wait(what);
  }

  void connect(const PulseOptions& options, const std::string& what) {
    if (loop) context = pa_context_new(pa_threaded_mainloop_get_api(loop.get()), options.client.c_str());
    if (context == nullptr) throw Error(what + ": no memory");
    pa_context_set_state_callback(
        context, [](pa_context*, void* self) { wake(self); }, this);
    if (pa_context_connect(context, or_null(options.server), PA_CONTEXT_NOAUTOSPAWN, nullptr) < 0) fail(what);
    const Lock lock(loop.get());
    if (pa_threaded_mainloop_start(loop.get()) < 0) throw Error(what + ": no thread");
    while (pa_context_get_state(context) != PA_CONTEXT_READY) wait(what);
    open_stream(options, what);
  }

  void open_stream(const PulseOptions& options, const std::string& what) {
    const pa_sample_spec spec = {.format = PA_SAMPLE_S16LE,
                                 .rate = options.format.rate,
                                 .channels = static_cast<std::uint8_t>(options.format.channels)};
    stream = pa_stream_new(context, options.stream.c_str(), &spec, nullptr);
    if (stream == nullptr) fail(what);
    pa_stream_set_state_callback(
        stream, [](pa_stream*, void* self) { wake(self); }, this);
    pa_stream_set_write_callback(
        stream, [](pa_stream*, std::size_t, void* self) { wake(self); }, this);
    pa_stream_set_latency_update_callback(
        stream, [](pa_stream*, void* self) { wake(self); }, this);
    pa_stream_set_underflow_callback(
        stream, [](pa_stream*, void* self) { ++static_cast<Connection*>(self)->underruns; }, this);
    const unsigned ms = options.latency_ms > 0 ? options.latency_ms : kBufferMs;
    const auto bytes = [&](unsigned microseconds) {
      return static_cast<std::uint32_t>(pa_usec_to_bytes(microseconds, &spec));
    };
    constexpr auto kServerDefault = static_cast<std::uint32_t>(-1);
    // A quarter is enough to start. It must not be 0: after an underrun the server would then throw away
    // samples that come late instead of waiting for them.
    const pa_buffer_attr attributes = {kServerDefault, bytes(ms * 1000), bytes(ms * 250), bytes(ms * 250),
                                       kServerDefault};
    constexpr auto kFlags = static_cast<pa_stream_flags_t>(
        PA_STREAM_INTERPOLATE_TIMING | PA_STREAM_ADJUST_LATENCY | PA_STREAM_AUTO_TIMING_UPDATE);
    if (pa_stream_connect_playback(stream, or_null(options.device), &attributes, kFlags, nullptr, nullptr) <
        0)
      fail(what);
    while (pa_stream_get_state(stream) != PA_STREAM_READY) wait(what);
  }
};

PulsePlayback::PulsePlayback(const PulseOptions& options)
    : options_(options),
      where_(std::string("PulseAudio sink \"") + (options.device.empty() ? "default" : options.device) +
             "\"" + (options.server.empty() ? "" : " on server \"" + options.server + "\"")),
      connection_(std::make_unique<Connection>()) {
  const std::string what = "cannot open " + where_;
  const pa_sample_spec spec = {.format = PA_SAMPLE_S16LE,
                               .rate = options.format.rate,
                               .channels = static_cast<std::uint8_t>(options.format.channels)};
  if (pa_sample_spec_valid(&spec) == 0) throw Error(what + ": no such sample format");
  // Ends at a deadline, and says why no server runs.
  const PulseServer running(options.server, kServerAnswersWithin, what);
  connection_->connect(options, what);
}

PulsePlayback::~PulsePlayback() = default;

std::uint64_t PulsePlayback::underruns() const noexcept { return connection_->underruns.load(); }

void PulsePlayback::write(std::span<const std::int16_t> samples) {
  if (samples.empty()) return;
  const Lock lock(connection_->loop.get());
  const std::size_t channels = options_.format.channels;
  while (!samples.empty()) {
    std::size_t room = pa_stream_writable_size(connection_->stream);
    if (room == static_cast<std::size_t>(-1)) connection_->fail("lost " + where_);
    room = room / (channels * sizeof(std::int16_t)) * channels;
    if (room == 0) {
      connection_->wait("lost " + where_);
      continue;
    }
    const auto part = samples.first(std::min(room, samples.size()));
    if (pa_stream_write(connection_->stream, part.data(), part.size_bytes(), nullptr, 0, PA_SEEK_RELATIVE) <
        0)
      connection_->fail("lost " + where_);
    samples = samples.subspan(part.size());
  }
}

Nanos PulsePlayback::latency() {
  const Lock lock(connection_->loop.get());
  pa_usec_t latency = 0;
  int negative = 0;
  while (pa_stream_get_latency(connection_->stream, &latency, &negative) < 0) {
    if (pa_context_errno(connection_->context) != PA_ERR_NODATA) connection_->fail("lost " + where_);
    connection_->wait("lost " + where_);
  }
  return negative != 0 ? 0 : static_cast<Nanos>(latency) * kMicrosecond;
}

void PulsePlayback::drain() {
  const Lock lock(connection_->loop.get());
  const auto done = [](pa_stream*, int, void* self) { Connection::wake(self); };
  connection_->finish(pa_stream_drain(connection_->stream, done, connection_.get()), "lost " + where_);
}

void PulsePlayback::flush() {
  const Lock lock(connection_->loop.get());
  const auto done = [](pa_stream*, int, void* self) { Connection::wake(self); };
  connection_->finish(pa_stream_flush(connection_->stream, done, connection_.get()), "lost " + where_);
}

}  // namespace prot::audio
