#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "ipc/shm_segment.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// Where a ring of the dead stage stood.
struct RingPosition {
  std::string name, from, to;
  std::uint64_t head = 0, tail = 0, capacity = 0;
  std::uint64_t published = 0;  // frames: 1 + newest sequence
  std::uint64_t released = 0;
};

/// The frame that the dead stage had taken last: of a header everything, of the payload its size.
struct FrameInHand {
  bool found = false;
  bool in_ring = false;  // else only ring and sequence are known
  std::string ring;
  std::uint64_t sequence = 0;
  std::uint8_t kind = 0, version = 0;
  std::uint16_t flags = 0;
  std::uint32_t turn = 0;
  std::size_t size = 0;
  Nanos age = 0;  // since it was published
};

/// Everything about one death that nobody asked for.
struct CrashReport {
  std::string stage, run, what, decision, build_id;
  std::uint32_t generation = 0;
  pid_t pid = 0;
  ExitStatus status;
  bool was_ready = false;
  Nanos wall_ns = 0;
  Nanos uptime = 0;
  std::vector<RingPosition> rings;
  FrameInHand frame;
  std::vector<std::string> log;  // JSON lines, oldest first

  [[nodiscard]] std::string id() const;  // "stt-2-0123456789ab"
};

/// One JSON object. The backtrace is what the stage itself wrote (base/crash_handler.hpp) into its log.
[[nodiscard]] std::string to_json(const CrashReport& report);

/// The rings that `stage` reads or writes, as they are now. Call before its successor starts.
[[nodiscard]] std::vector<RingPosition> positions_of(const std::vector<ipc::RingSegment>& rings,
                                                     std::string_view stage);
/// The frame in hand of `stage`'s dead process of `generation`; of several rings the one looked at last.
[[nodiscard]] FrameInHand frame_in_hand(const std::vector<ipc::RingSegment>& rings, std::string_view stage,
                                        std::uint32_t generation, Nanos now);

/// The reports of a folder: crash-ID.json.
inline constexpr std::size_t kMostCrashReports = 50;
/// Writes one, mode 0600, and removes the oldest beyond kMostCrashReports. Throws Error.
void write_crash_report(const std::filesystem::path& folder, const std::string& id, std::string_view json);
/// Newest first: files of reports.
[[nodiscard]] std::vector<std::filesystem::path> crash_reports_in(const std::filesystem::path& folder);

}  // namespace prot::supervisor
