#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ipc/board.hpp"
#include "ipc/shm_segment.hpp"

namespace prot::top {

struct StageRow {
  std::string name;
  std::string engine;
  std::string state;
  std::uint32_t pid = 0;
  std::uint32_t generation = 0;
  std::uint32_t restarts = 0;
  std::int32_t last_exit = 0;
  std::int64_t uptime_ms = 0;
  std::int64_t heartbeat_age_ms = -1;  // -1: has none
  bool asleep = false;
  double busy_percent = 0;  // of the last interval, in the work loop
  double loops_per_s = 0;
  std::int64_t rss_bytes = 0;
};

struct RingRow {
  std::string name;
  std::string from;
  std::string to;
  std::uint64_t used_bytes = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t high_water_bytes = 0;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  double frames_per_s = 0;
  double bytes_per_s = 0;
  double lag_ms = 0;   // age of the oldest frame that is not released; 0: none
  double age_ms = -1;  // since the last frame was published; -1: never
  std::uint64_t drops = 0;
  std::uint64_t stale = 0;
  std::uint64_t faults = 0;
  std::uint64_t late_wakes = 0;
  bool in_hand = false;  // a frame is taken and not released
};

struct Snapshot {
  std::string instance;
  std::string run;
  std::int64_t at_ns = 0;
  std::uint32_t supervisor_pid = 0;
  bool supervisor_alive = false;
  std::int64_t supervisor_heartbeat_age_ms = 0;
  std::string conversation;
  std::uint32_t turn = 0;
  std::vector<StageRow> stages;
  std::vector<RingRow> rings;
};

/// Reads one run's board and rings, read-only, without any help of its processes: also of a dead one.
/// Not thread-safe.
class TopModel {
 public:
  /// The living run of `instance`, or its last one. Throws Error (3: none; 4: other version).
  explicit TopModel(const std::string& instance);

  /// What is there now; rates since the last call (0 at the first).
  [[nodiscard]] Snapshot read();

 private:
  [[nodiscard]] StageRow read_stage(std::size_t index, std::int64_t now, double seconds,
                                    const Snapshot* before) const;
  [[nodiscard]] static RingRow read_ring(const ipc::RingSegment& segment, std::int64_t now, double seconds,
                                         const RingRow* before);

  std::string instance_;
  std::string run_;
  std::optional<ipc::Board> board_;
  std::vector<ipc::RingSegment> rings_;
  std::vector<std::uint64_t> busy_before_;
  std::vector<std::uint64_t> loops_before_;
  std::optional<Snapshot> before_;
};

/// One JSON object on one line, units in the names, "schema":1.
[[nodiscard]] std::string to_json(const Snapshot& snapshot);

}  // namespace prot::top
