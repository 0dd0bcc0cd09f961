#pragma once

#include "process_sys.hpp"

namespace prot::supervisor {

/// What the board, and the bell, say of one stage.
struct Pulse {
  Nanos heartbeat = 0;   // its newest duty cycle
  bool asleep = false;   // it waits for its bell
  bool is_rung = false;  // there is input, and its bell was rung for it and not heard yet
  Nanos busy_until = 0;  // it announced a call that blocks
};

/// Decides whether one process of a stage hangs. Pure: no clock, no system. Single-threaded. One for each
/// process; look() is called at every scan.
///
///   awake                    | no duty cycle for longer than the limit (or what it announced, bounded)
///   asleep, nothing rung     | healthy
///   asleep, bell not heard   | hangs when that lasts for the limit
///   stopped (T), no debugger | hangs when that lasts for the limit, asleep or not
///   in a debugger            | never
/// Time in which it was runnable and the machine gave it none, or waited for a disk, is not counted.
class HangJudge {
 public:
  explicit HangJudge(Nanos limit) noexcept : limit_(limit) {}

  /// Whatever was not done before `now` is no fault of its own.
  void forgive(Nanos now) noexcept;
  /// The scheduler's word is needed for look(): it costs reading /proc, so healthy stages are spared.
  [[nodiscard]] bool is_suspect(Nanos now, const Pulse& pulse) const noexcept;
  /// A scan. `scheduling`: of now, if is_suspect(). True: it hangs.
  [[nodiscard]] bool look(Nanos now, const Pulse& pulse, const Scheduling* scheduling) noexcept;

 private:
  [[nodiscard]] Nanos starved(Nanos now) const noexcept;

  Nanos limit_;
  Nanos forgiven_ = 0;
  Nanos heartbeat_ = 0;      // at the scan before
  Nanos since_rung_ = 0;     // first seen, less the time starved until then; 0: not
  Nanos since_stopped_ = 0;  // first seen; 0: not
  // Of the suspicion under way:
  bool has_first_ = false;
  Scheduling first_;
  Scheduling last_;
  Nanos last_at_ = 0;  // when it was last seen to run, or first suspected
  Nanos disk_time_ = 0;
};

}  // namespace prot::supervisor
