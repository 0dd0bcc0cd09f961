#pragma once

#include <unistd.h>

#include <optional>
#include <string>

#include "ipc/channel.hpp"

namespace prot::ipc::test {

/// Names of this test process, so that test runs side by side do not meet.
inline std::string test_instance() { return "ipctest-" + std::to_string(::getpid()); }

/// One real segment, unlinked at the end.
class TestSegment {
 public:
  explicit TestSegment(Policy policy = Policy::kBlock, std::uint64_t capacity = 65536,
                       std::uint32_t max_frame = 4096, const std::string& ring = "mic")
      : name(segment_name(test_instance(), "run1", ring)) {
    spec.name = ring;
    spec.producer = "capture";
    spec.consumer = "stt";
    spec.id = 1;
    spec.capacity = capacity;
    spec.max_frame = max_frame;
    spec.policy = policy;
    unlink_segment(name);
    supervisor.emplace(RingSegment::create(name, spec, "run1"));
  }
  TestSegment(const TestSegment&) = delete;
  TestSegment& operator=(const TestSegment&) = delete;
  ~TestSegment() { unlink_segment(name); }

  [[nodiscard]] RingSegment open(Role role) const { return RingSegment::open(name, role); }
  [[nodiscard]] const RingProducerPage& producer_page() const { return *supervisor->memory().producer; }
  [[nodiscard]] const RingConsumerPage& consumer_page() const { return *supervisor->memory().consumer; }

  std::string name;
  RingSpec spec;
  std::optional<RingSegment> supervisor;
};

}  // namespace prot::ipc::test
