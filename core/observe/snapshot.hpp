#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "ipc/turn_log.hpp"

namespace prot::observe {

// What was read at one instant. An empty optional is "no data": `---` in a table, null in JSON.

struct CounterValue {
  std::string label;
  std::uint64_t value = 0;
};

struct StageRow {
  std::string name;
  std::string engine;
  std::string state;  // as the supervisor says, or left it
  std::uint32_t pid = 0;
  bool alive = false;        // there is such a process
  char process_state = ' ';  // of the kernel: R, S, D, T (stopped), t (traced), Z
  std::uint32_t generation = 0;
  std::uint32_t restarts = 0;
  std::optional<std::int32_t> last_exit;  // code, or minus the signal
  std::optional<Nanos> up_ns;
  std::optional<Nanos> heartbeat_age_ns;
  bool asleep = false;                 // in poll: healthy, however old the heartbeat
  std::optional<double> cpu_percent;   // of one core, all threads
  std::optional<double> busy_percent;  // time of the loop in its work
  std::optional<double> loops_per_s;
  std::optional<std::uint64_t> rss_bytes;
  std::vector<CounterValue> counters;
  std::optional<std::uint32_t> timers;  // of the kernel, as the supervisor counted them
};

/// One end of a ring.
struct RingSide {
  std::string name;
  std::uint64_t pid = 0;
  std::uint32_t generation = 0;  // how often it was started
  std::string state;             // never, attached, faulted
  bool closed = false;           // gone for good
};

struct RingRow {
  std::string name;
  RingSide producer;
  RingSide consumer;
  std::string policy;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::optional<std::uint64_t> used_frames;  // waiting or in hand; none: the ring moved too fast to tell
  std::uint64_t high_water_bytes = 0;
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  std::uint64_t frames = 0;  // published
  std::uint64_t bytes = 0;
  std::uint64_t released = 0;  // frames
  std::uint64_t drops = 0;
  std::uint64_t skipped = 0;  // covered by an output already, or poison
  std::uint64_t stale = 0;    // of a cancelled turn
  std::uint64_t faults = 0;
  std::uint64_t full_events = 0;
  std::uint64_t pressure_events = 0;  // times that it got fuller than it should
  std::uint64_t wakes = 0;
  std::uint64_t waits = 0;
  std::uint64_t late_wakes = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t max_lag_ns = 0;
  std::uint64_t poison = 0;                     // frames that were set aside
  std::vector<std::uint64_t> poison_sequences;  // of the newest four
  std::optional<double> frames_per_s;
  std::optional<double> released_per_s;
  std::optional<double> bytes_per_s;
  std::optional<double> wakes_per_s;
  std::optional<double> blocked_ns_per_s;
  std::optional<Nanos> lag_ns;      // age of the oldest frame that is not released
  std::optional<Nanos> p99_lag_ns;  // see prot-top(1)
  std::optional<Nanos> wait_ns;     // newest frame taken: from commit to look
  std::optional<Nanos> busy_ns;     // newest frame taken: from look to release
  std::optional<Nanos> age_ns;      // since the newest commit
  bool in_hand = false;             // taken and not released
  bool blocked = false;             // the producer sleeps until there is room
};

struct Snapshot {
  std::string instance;
  std::string run;
  Nanos at_ns = 0;                   // what ages are counted to: of a dead instance its last sign of life
  std::optional<Nanos> interval_ns;  // since the last one: what rates are of
  std::uint32_t supervisor_pid = 0;
  bool supervisor_alive = false;
  bool removed = false;  // ended in order: the segments have no name any more
  Nanos supervisor_heartbeat_age_ns = 0;
  std::string conversation;
  std::uint32_t turn = 0;
  std::vector<ipc::TurnTimes> turns;  // the last voice turns, newest first
  std::vector<StageRow> stages;
  std::vector<RingRow> rings;
};

/// Where snapshots come from: shared memory, or a test.
class Source {
 public:
  virtual ~Source() = default;
  [[nodiscard]] virtual Snapshot read() = 0;
  /// Forgets what was gathered for percentiles and marks.
  virtual void clear() = 0;
};

}  // namespace prot::observe
