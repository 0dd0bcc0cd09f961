#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ipc/layout.hpp"
#include "ipc/shm_segment.hpp"

/// What flows, as one table: the only place that names rings, their ends, sizes and policies.
namespace prot::wire {

struct RingInfo {
  std::string_view name;
  std::string_view producer;
  std::string_view consumer;
  std::uint64_t capacity;
  std::uint32_t max_frame;
  ipc::Policy policy;
  std::uint32_t holds;  // % of capacity: the most while all is well; 0: it is full by design
  std::string_view payload;
  ipc::RingUse use = ipc::RingUse::kPlain;
};

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

inline constexpr ipc::RingUse kWords = ipc::RingUse::kWords;

// `holds`: a voice makes sound faster than it is heard, so pcm is full in every long reply; speech waits for
// the voice then, but a reply has no more text than half of it.
//   name         producer   consumer   capacity    largest frame  when full              holds  payload
inline constexpr std::array<RingInfo, 10> kRings = {{
    {"mic", "capture", "stt", 4 * kMiB, 4 * kKiB, ipc::Policy::kDropNewest, 100, "512-sample frames, 60 s"},
    {"hearing", "capture", "brain", 64 * kKiB, 1 * kKiB, ipc::Policy::kDropNewest, 100,
     "speech started / ended"},
    {"transcript", "stt", "brain", 256 * kKiB, 32 * kKiB, ipc::Policy::kBlock, 100, "recognised words",
     kWords},
    {"speech", "brain", "tts", 256 * kKiB, 32 * kKiB, ipc::Policy::kBlock, 50, "text segments", kWords},
    {"pcm", "tts", "player", 2 * kMiB, 32 * kKiB, ipc::Policy::kBlock, 0, "samples, alignment"},
    {"playback", "player", "brain", 64 * kKiB, 1 * kKiB, ipc::Policy::kDropNewest, 100, "heard position"},
    {"echo", "player", "capture", 256 * kKiB, 16 * kKiB, ipc::Policy::kDropNewest, 100, "far-end reference"},
    {"turns", "brain", "memory", 1 * kMiB, 128 * kKiB, ipc::Policy::kBlock, 100, "messages, requests",
     kWords},
    {"recall", "memory", "brain", 512 * kKiB, 128 * kKiB, ipc::Policy::kKeepLatest, 100, "memory block",
     kWords},
    {"names", "memory", "stt", 64 * kKiB, 8 * kKiB, ipc::Policy::kKeepLatest, 100, "key terms", kWords},
}};

/// Programs that have a page on the board, in start order; those after the stages are external.
inline constexpr std::array<std::string_view, 9> kPrograms = {"db",    "llm", "memory",  "player", "tts",
                                                              "brain", "stt", "capture", "web"};
/// The stages in the order of the drain.
inline constexpr std::array<std::string_view, 6> kDrainOrder = {"capture", "stt",    "brain",
                                                                "tts",     "player", "memory"};

/// Rings that `stage` reads, in table order: the index is the input index of Sources.
[[nodiscard]] std::vector<const RingInfo*> inputs_of(std::string_view stage);
[[nodiscard]] std::vector<const RingInfo*> outputs_of(std::string_view stage);
[[nodiscard]] const RingInfo* find_ring(std::string_view name) noexcept;
[[nodiscard]] bool is_stage(std::string_view name) noexcept;
/// Used bytes from which somebody is told that a ring is too full, and below which it is forgotten: three
/// quarters and half of what it should ever hold. 0: never.
struct PressureLevels {
  std::uint64_t tell = 0;
  std::uint64_t forget = 0;
};
/// `capacity`: of the segment, which a test may make smaller.
[[nodiscard]] PressureLevels pressure_levels(const RingInfo& ring, std::uint64_t capacity) noexcept;
/// Header values for a new segment of this ring.
[[nodiscard]] ipc::RingSpec spec_of(const RingInfo& ring);

}  // namespace prot::wire
