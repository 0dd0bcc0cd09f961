#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "ipc/spsc_ring.hpp"

namespace prot::ipc {

/// Which side of a ring is mapped; decides what is writable.
enum class Role { kProducer, kConsumer, kObserver /* all read-only */, kSupervisor };

/// Everything that is written into a new ring's header.
struct RingSpec {
  std::string name;  // "mic"
  std::string producer;
  std::string consumer;
  std::uint32_t id = 0;
  std::uint64_t capacity = 0;  // power of two
  std::uint32_t max_frame = 0;
  Policy policy = Policy::kBlock;
  std::uint64_t kind_mask = 0;
  std::uint64_t schema_hash = 0;
  RingUse use = RingUse::kPlain;
};

/// One ring's segment "/prot.INSTANCE.RUN.RING", mapped by page so that the peer's page is read-only (a wild
/// write faults instead of corrupting). Boost.Interprocess shared_memory_object + mapped_region; mode 0600.
/// Movable; not thread-safe. Unmaps in the destructor, never unlinks by itself.
class RingSegment {
 public:
  /// Supervisor only: creates (exclusive), sizes with real pages (disk full shows here, not as SIGBUS),
  /// fills, stores the magic last. Throws Error.
  static RingSegment create(const std::string& shm_name, const RingSpec& spec, const std::string& run_id);
  /// Attaches and validates. Throws Error that says which segment and what is wrong, with both versions.
  static RingSegment open(const std::string& shm_name, Role role);

  [[nodiscard]] const RingMemory& memory() const noexcept { return memory_; }
  /// Null unless the role is kSupervisor.
  [[nodiscard]] RingSupervisorPage* supervisor_page() const noexcept { return supervisor_; }
  [[nodiscard]] const std::string& shm_name() const noexcept { return shm_name_; }

 private:
  RingSegment() = default;
  std::string shm_name_;
  std::vector<boost::interprocess::mapped_region> regions_;
  RingMemory memory_;
  RingSupervisorPage* supervisor_ = nullptr;
};

/// "/prot.INSTANCE.RUN.RING".
[[nodiscard]] std::string segment_name(const std::string& instance, const std::string& run_id,
                                       const std::string& ring);
/// This user's segments in shared memory of an instance (all runs): full names. Those of others do not count.
[[nodiscard]] std::vector<std::string> list_segments(const std::string& instance);
/// All instances of this user that have a board in shared memory.
[[nodiscard]] std::vector<std::string> list_instances();
void unlink_segment(const std::string& shm_name) noexcept;

}  // namespace prot::ipc
