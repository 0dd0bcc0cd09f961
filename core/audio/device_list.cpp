#include "audio/device_list.hpp"

#include "base/error.hpp"

namespace prot::audio {

void DeviceList::append(const std::string& backend, Direction direction,
                        std::vector<Device> (*list)(Direction direction)) {
  try {
    for (Device& device : list(direction))
      rows.push_back({backend + ":" + device.name, std::move(device.description), device.is_default});
  } catch (const Error& error) {
    problems += (problems.empty() ? "" : "; ") + full_message(error);
  }
}

}  // namespace prot::audio
