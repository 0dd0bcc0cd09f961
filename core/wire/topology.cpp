#include "wire/topology.hpp"

#include <algorithm>

namespace prot::wire {

std::vector<const RingInfo*> inputs_of(std::string_view stage) {
  std::vector<const RingInfo*> found;
  for (const RingInfo& ring : kRings)
    if (ring.consumer == stage) found.push_back(&ring);
  return found;
}

std::vector<const RingInfo*> outputs_of(std::string_view stage) {
  std::vector<const RingInfo*> found;
  for (const RingInfo& ring : kRings)
    if (ring.producer == stage) found.push_back(&ring);
  return found;
}

const RingInfo* find_ring(std::string_view name) noexcept {
  const auto* it =
      std::find_if(kRings.begin(), kRings.end(), [&](const RingInfo& r) { return r.name == name; });
  return it == kRings.end() ? nullptr : &*it;
}

bool is_stage(std::string_view name) noexcept {
  return std::find(kDrainOrder.begin(), kDrainOrder.end(), name) != kDrainOrder.end();
}

PressureLevels pressure_levels(const RingInfo& ring, std::uint64_t capacity) noexcept {
  const std::uint64_t most = capacity / 100 * ring.holds + capacity % 100 * ring.holds / 100;
  return {most / 4 * 3, most / 2};
}

ipc::RingSpec spec_of(const RingInfo& ring) {
  ipc::RingSpec spec;
  spec.name = ring.name;
  spec.producer = ring.producer;
  spec.consumer = ring.consumer;
  spec.id = static_cast<std::uint32_t>(&ring - kRings.data()) + 1;
  spec.capacity = ring.capacity;
  spec.max_frame = ring.max_frame;
  spec.policy = ring.policy;
  spec.use = ring.use;
  return spec;
}

}  // namespace prot::wire
