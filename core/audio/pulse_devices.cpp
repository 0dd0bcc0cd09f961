#include <pulse/introspect.h>

#include <algorithm>
#include <memory>

#include "audio/device_list.hpp"
#include "audio/pulse_server.hpp"

namespace prot::audio {
namespace {

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

}  // namespace

std::vector<Device> pulse_devices(Direction direction, const std::string& server, Nanos limit) {
  PulseServer connection(server, limit);
  Listing listing;
  connection.finish(PulseOperation(pa_context_get_server_info(connection.get(), on_server, &listing)));
  const bool capture = direction == Direction::kCapture;
  connection.finish(
      PulseOperation(capture ? pa_context_get_source_info_list(connection.get(), on_source, &listing)
                             : pa_context_get_sink_info_list(connection.get(), on_sink, &listing)));
  const std::string& standard = capture ? listing.default_source : listing.default_sink;
  for (Device& device : listing.devices) device.is_default = device.name == standard;
  std::stable_partition(listing.devices.begin(), listing.devices.end(),
                        [](const Device& device) { return !device.is_monitor; });
  return std::move(listing.devices);
}

}  // namespace prot::audio
