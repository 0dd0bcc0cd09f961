#include "ipc/shm_segment.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <new>

#include "base/error.hpp"
#include "ipc/crc32c.hpp"
#include "ipc/ring_validation.hpp"
#include "ipc/shm_object.hpp"

namespace prot::ipc {
namespace bip = boost::interprocess;
namespace {

constexpr const char* kPrefix = "prot.";
constexpr const char* kBoardSuffix = ".board";

template <typename T>
T* as(bip::mapped_region& region) noexcept {
  return static_cast<T*>(region.get_address());
}

void check_spec(const std::string& shm_name, const RingSpec& spec) {
  if (!std::has_single_bit(spec.capacity) || spec.capacity < (64U << 10U) || spec.capacity > (1U << 30U))
    throw Error(fmt::format("ring {}: capacity {} is not a power of two from 64 KiB to 1 GiB", shm_name,
                            spec.capacity));
  if (spec.max_frame == 0 || spec.max_frame > spec.capacity / 4)
    throw Error(fmt::format("ring {}: a frame of {} bytes needs at least four times as much capacity, not {}",
                            shm_name, spec.max_frame, spec.capacity));
}

void fill_header(RingHeader& header, const std::string& shm_name, const RingSpec& spec,
                 const std::string& run_id) {
  header.abi_major = kAbiMajor;
  header.abi_minor = kAbiMinor;
  header.header_size = sizeof(RingHeader);
  header.capacity = spec.capacity;
  header.max_frame = spec.max_frame;
  header.align = 16;
  char run[sizeof header.run_id];
  detail::fill_text(run, run_id, shm_name);
  std::memcpy(header.run_id, run, sizeof run);
  header.ring_id = spec.id;
  header.policy = spec.policy;
  header.kind_mask = spec.kind_mask;
  header.schema_hash = spec.schema_hash;
  header.use = spec.use;
  detail::fill_text(header.name, spec.name, shm_name);
  detail::fill_text(header.producer, spec.producer, shm_name);
  detail::fill_text(header.consumer, spec.consumer, shm_name);
  header.magic.store(kRingMagic, std::memory_order_relaxed);
  header.crc = crc32c(std::as_bytes(std::span(&header, 1)).first(offsetof(RingHeader, crc)));
  header.magic.store(0, std::memory_order_relaxed);
}

void require_valid(const std::string& shm_name, const RingMemory& memory, std::size_t size) {
  const RingFault fault = validate_ring(memory, size);
  if (fault == RingFault::kOk) return;
  std::string text = fmt::format("shared memory {}: {}", shm_name, to_string(fault));
  if (fault == RingFault::kVersion)
    text += fmt::format(": {}.{}, this program has {}.{}", memory.header->abi_major, memory.header->abi_minor,
                        kAbiMajor, kAbiMinor);
  throw Error(text, detail::kRefused);
}

/// A producer alone may judge its own slots: nobody else moves them.
void require_slot(const std::string& shm_name, const RingProducerPage& page) {
  const std::uint64_t tail = page.tail.load(std::memory_order_relaxed);
  const auto ends_at_tail = [&](const ResumeSlot& slot) {
    return slot.end.load(std::memory_order_relaxed) == tail;
  };
  if (tail != 0 && std::none_of(std::begin(page.slot), std::end(page.slot), ends_at_tail))
    throw Error("shared memory " + shm_name + ": no resume slot fits its tail", detail::kRefused);
}

// /dev/shm is everybody's: a name there says nothing of who made it.
bool is_own_file(const std::filesystem::path& path) noexcept {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == ::geteuid();
}

std::vector<std::string> list_names(const std::string& begin, const std::string& end) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm", error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin) && name.ends_with(end) && name.size() >= begin.size() + end.size() &&
        is_own_file(entry.path()))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

RingSegment RingSegment::create(const std::string& shm_name, const RingSpec& spec,
                                const std::string& run_id) {
  check_spec(shm_name, spec);
  const bip::shared_memory_object object = detail::create_object(shm_name, kDataOffset + spec.capacity);
  try {
    bip::mapped_region pages = detail::map_part(shm_name, object, true, 0, kDataOffset);
    auto* base = as<std::byte>(pages);
    // The pages are zero; this only begins the lifetime of the atomics.
    auto* header = new (base + kHeaderOffset) RingHeader{};
    new (base + kSupervisorOffset) RingSupervisorPage{};
    new (base + kProducerOffset) RingProducerPage{};
    new (base + kConsumerOffset) RingConsumerPage{};
    fill_header(*header, shm_name, spec, run_id);
    header->magic.store(kRingMagic, std::memory_order_release);
  } catch (...) {
    unlink_segment(shm_name);
    throw;
  }
  return open(shm_name, Role::kSupervisor);
}

RingSegment RingSegment::open(const std::string& shm_name, Role role) {
  std::size_t size = 0;
  const bip::shared_memory_object object = detail::open_object(shm_name, role != Role::kObserver, size);
  if (size < kDataOffset)
    throw Error(fmt::format("shared memory {}: {} bytes are no ring", shm_name, size), detail::kRefused);

  RingSegment segment;
  segment.shm_name_ = shm_name;
  const auto map = [&](bool writable, std::size_t offset, std::size_t length) -> bip::mapped_region& {
    return segment.regions_.emplace_back(detail::map_part(shm_name, object, writable, offset, length));
  };
  segment.regions_.reserve(5);
  segment.memory_.header = as<RingHeader>(map(false, kHeaderOffset, kPage));
  require_valid(shm_name, segment.memory_, size);

  auto* supervisor = as<RingSupervisorPage>(map(role == Role::kSupervisor, kSupervisorOffset, kPage));
  segment.memory_.supervisor = supervisor;
  if (role == Role::kSupervisor) segment.supervisor_ = supervisor;
  segment.memory_.producer = as<RingProducerPage>(map(role == Role::kProducer, kProducerOffset, kPage));
  segment.memory_.consumer = as<RingConsumerPage>(map(role == Role::kConsumer, kConsumerOffset, kPage));
  segment.memory_.data =
      as<std::byte>(map(role == Role::kProducer, kDataOffset, segment.memory_.header->capacity));
  require_valid(shm_name, segment.memory_, size);
  if (role == Role::kProducer) require_slot(shm_name, *segment.memory_.producer);
  return segment;
}

std::string segment_name(const std::string& instance, const std::string& run_id, const std::string& ring) {
  return fmt::format("/{}{}.{}.{}", kPrefix, instance, run_id, ring);
}

std::vector<std::string> list_segments(const std::string& instance) {
  std::vector<std::string> names = list_names(kPrefix + instance + ".", "");
  for (std::string& name : names) name = fmt::format("/{}", name);
  return names;
}

std::vector<std::string> list_instances() {
  std::vector<std::string> instances;
  for (const std::string& name : list_names(kPrefix, kBoardSuffix)) {
    const std::size_t begin = std::strlen(kPrefix);
    const std::size_t dot = name.find('.', begin);  // an instance has no dot in its name
    if (dot != std::string::npos && dot > begin) instances.push_back(name.substr(begin, dot - begin));
  }
  std::sort(instances.begin(), instances.end());
  instances.erase(std::unique(instances.begin(), instances.end()), instances.end());
  return instances;
}

void unlink_segment(const std::string& shm_name) noexcept {
  bip::shared_memory_object::remove(shm_name.c_str());
}

}  // namespace prot::ipc
