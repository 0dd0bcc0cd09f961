#include "run_segments.hpp"

#include <sys/random.h>

#include <array>

#include "base/error.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {

std::vector<std::string> program_names() { return {wire::kPrograms.begin(), wire::kPrograms.end()}; }

bool pending(const ipc::RingSegment& ring) noexcept {
  return ring.memory().producer->tail.load(std::memory_order_acquire) !=
         ring.memory().consumer->head.load(std::memory_order_acquire);
}

}  // namespace

std::string new_run_id() {
  std::array<unsigned char, 6> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw errno_error("cannot draw a run id");
  std::string text;
  for (const unsigned char byte : bytes) {
    text.push_back("0123456789abcdef"[byte >> 4U]);
    text.push_back("0123456789abcdef"[byte & 15U]);
  }
  return text;
}

RunSegments::RunSegments(const std::string& instance, const std::string& run_id)
    : instance_(instance), run_id_(run_id), board_(ipc::Board::create(instance, run_id, program_names())) {
  try {
    for (const wire::RingInfo& ring : wire::kRings)
      rings_.push_back(ipc::RingSegment::create(ipc::segment_name(instance, run_id, std::string(ring.name)),
                                                wire::spec_of(ring), run_id));
  } catch (...) {
    remove();
    throw;
  }
}

void RunSegments::set_generation(std::string_view stage, std::uint32_t generation,
                                 std::uint64_t pid) noexcept {
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    ipc::RingSupervisorPage& page = *rings_[i].supervisor_page();
    if (wire::kRings[i].producer == stage) {
      page.producer_pid.store(pid);
      page.producer_generation.store(generation);
    }
    if (wire::kRings[i].consumer == stage) {
      page.consumer_pid.store(pid);
      page.consumer_generation.store(generation);
    }
  }
}

void RunSegments::set_closed(std::string_view stage, bool closed) noexcept {
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    ipc::RingSupervisorPage& page = *rings_[i].supervisor_page();
    if (wire::kRings[i].producer == stage) page.producer_closed.store(closed ? 1 : 0);
    if (wire::kRings[i].consumer == stage) page.consumer_closed.store(closed ? 1 : 0);
  }
}

bool RunSegments::input_pending(std::string_view stage) const noexcept {
  for (std::size_t i = 0; i < rings_.size(); ++i)
    if (wire::kRings[i].consumer == stage && pending(rings_[i])) return true;
  return false;
}

bool RunSegments::ring_pending(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < rings_.size(); ++i)
    if (wire::kRings[i].name == name) return pending(rings_[i]);
  return false;
}

void RunSegments::ring_neighbours(std::string_view stage, const RunContext& run) const noexcept {
  for (const wire::RingInfo& ring : wire::kRings) {
    if (ring.producer != stage && ring.consumer != stage) continue;
    const std::string peer(ring.producer == stage ? ring.consumer : ring.producer);
    if (const auto bell = run.bells.find(peer); bell != run.bells.end()) bell->second.ring();
  }
}

void RunSegments::ring_all(const RunContext& run) const noexcept {
  for (const auto& [name, bell] : run.bells) bell.ring();
}

void RunSegments::remove() noexcept {
  for (const wire::RingInfo& ring : wire::kRings)
    ipc::unlink_segment(ipc::segment_name(instance_, run_id_, std::string(ring.name)));
  ipc::unlink_segment(ipc::segment_name(instance_, run_id_, "board"));
}

}  // namespace prot::supervisor
