#include <pulse/context.h>
#include <pulse/error.h>
#include <pulse/introspect.h>
#include <pulse/mainloop.h>

#include <algorithm>
#include <memory>

#include "audio/device_list.hpp"
#include "base/error.hpp"

namespace prot::audio {
namespace {

struct LoopCloser {
  void operator()(pa_mainloop* loop) const noexcept { pa_mainloop_free(loop); }
};
struct ContextCloser {
  void operator()(pa_context* context) const noexcept {
    pa_context_disconnect(context);
    pa_context_unref(context);
  }
};
struct OperationCloser {
  void operator()(pa_operation* operation) const noexcept { pa_operation_unref(operation); }
};
using Operation = std::unique_ptr<pa_operation, OperationCloser>;

const char* text(const char* maybe) { return maybe != nullptr ? maybe : ""; }

struct Listing {
  std::string default_source;
  std::string default_sink;
  std::vector<Device> devices;
};

void on_server(pa_context* /*context*/, const pa_server_info* info, void* user) {
  auto& listing = *static_cast<Listing*>(user);
  if (info == nullptr) return;
  listing.default_source = text(info->default_source_name);
  listing.default_sink = text(info->default_sink_name);
}

void on_source(pa_context* /*context*/, const pa_source_info* info, int /*last*/, void* user) {
  if (info == nullptr) return;
  const bool monitor = info->monitor_of_sink != PA_INVALID_INDEX;
  static_cast<Listing*>(user)->devices.push_back({text(info->name), text(info->description), false, monitor});
}

void on_sink(pa_context* /*context*/, const pa_sink_info* info, int /*last*/, void* user) {
  if (info != nullptr)
    static_cast<Listing*>(user)->devices.push_back({text(info->name), text(info->description), false, false});
}

/// A connection whose every wait ends at one deadline. One thread.
class Connection {
 public:
  Connection(const std::string& server, Nanos limit)
      : deadline_(monotonic_now() + limit), loop_(pa_mainloop_new()) {
    if (loop_) context_.reset(pa_context_new(pa_mainloop_get_api(loop_.get()), "prot"));
    if (!context_) throw Error("PulseAudio: no memory");
    if (pa_context_connect(context_.get(), server.empty() ? nullptr : server.c_str(), PA_CONTEXT_NOFLAGS,
                           nullptr) < 0)
      fail();
    for (;;) {
      const pa_context_state_t state = pa_context_get_state(context_.get());
      if (state == PA_CONTEXT_READY) return;
      if (!PA_CONTEXT_IS_GOOD(state)) fail();
      turn();
    }
  }
  [[nodiscard]] pa_context* get() const noexcept { return context_.get(); }
  void finish(const Operation& operation) {
    if (!operation) fail();
    while (pa_operation_get_state(operation.get()) == PA_OPERATION_RUNNING) {
      turn();
      if (!PA_CONTEXT_IS_GOOD(pa_context_get_state(context_.get()))) fail();
    }
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(std::string("PulseAudio: ") + pa_strerror(pa_context_errno(context_.get())));
  }
  void turn() {
    const Nanos left = deadline_ - monotonic_now();
    if (left <= 0) throw Error("PulseAudio: the server does not answer");
    if (pa_mainloop_prepare(loop_.get(), static_cast<int>(left / kMicrosecond)) < 0 ||
        pa_mainloop_poll(loop_.get()) < 0 || pa_mainloop_dispatch(loop_.get()) < 0)
      throw Error("PulseAudio: its event loop failed");
  }
  Nanos deadline_;
  std::unique_ptr<pa_mainloop, LoopCloser> loop_;
  std::unique_ptr<pa_context, ContextCloser> context_;
};

}  // namespace

std::vector<Device> pulse_devices(Direction direction, const std::string& server, Nanos limit) {
  Connection connection(server, limit);
  Listing listing;
  connection.finish(Operation(pa_context_get_server_info(connection.get(), on_server, &listing)));
  const bool capture = direction == Direction::kCapture;
  connection.finish(Operation(capture ? pa_context_get_source_info_list(connection.get(), on_source, &listing)
                                      : pa_context_get_sink_info_list(connection.get(), on_sink, &listing)));
  const std::string& standard = capture ? listing.default_source : listing.default_sink;
  for (Device& device : listing.devices) device.is_default = device.name == standard;
  std::stable_partition(listing.devices.begin(), listing.devices.end(),
                        [](const Device& device) { return !device.is_monitor; });
  return std::move(listing.devices);
}

}  // namespace prot::audio
