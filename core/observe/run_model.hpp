#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "ipc/board.hpp"
#include "ipc/shm_segment.hpp"
#include "observe/ring_probe.hpp"
#include "observe/snapshot.hpp"
#include "observe/stage_probe.hpp"

namespace prot::observe {

/// The segments of one run, mapped read-only, of a living or of a dead instance.
struct RunView {
  std::string id;
  std::string board_name;
  ipc::Board board;
  std::vector<ipc::RingSegment> rings;  // in the order of the topology
  bool alive = false;
  std::string refused;  // why another run of the instance could not be looked at
};

/// The living run of `instance`, else the newest dead one. Throws Error: 3 there is none, 4 a segment is
/// refused.
[[nodiscard]] std::unique_ptr<RunView> open_run(const std::string& instance);

/// The supervisor of this board is the process that wrote it, and it runs.
[[nodiscard]] bool supervisor_alive(const ipc::Board& board);

/// The time that ages are counted to: now, or of a dead run its last sign of life.
class RunClock final : public Clock {
 public:
  explicit RunClock(const Clock& real) : real_(&real) {}
  [[nodiscard]] Nanos now() const noexcept override { return stopped_at_ ? *stopped_at_ : real_->now(); }
  void set(std::optional<Nanos> stopped_at) noexcept { stopped_at_ = stopped_at; }

 private:
  const Clock* real_;
  std::optional<Nanos> stopped_at_;
};

/// Reads an instance's board and rings, read-only, without any help of its processes. Follows the instance
/// to its next run when there is one. Not thread-safe. Lives no longer than the clock.
class RunModel final : public Source {
 public:
  /// Throws Error as open_run.
  RunModel(const std::string& instance, const Clock& clock);

  /// What is there now; rates since the last call, none at the first.
  [[nodiscard]] Snapshot read() override;
  void clear() override;
  /// Why another run of the instance could not be looked at; empty: there is none.
  [[nodiscard]] const std::string& refused() const noexcept { return run_->refused; }

 private:
  /// How often a dead supervisor is looked at, and whether there is a newer run.
  static constexpr Nanos kLookEvery = 500 * kMillisecond;

  void attach(std::unique_ptr<RunView> run);
  void look_around(Nanos now);

  std::string instance_;
  const Clock* clock_;
  RunClock run_clock_;
  std::unique_ptr<RunView> run_;
  std::vector<StageProbe> stages_;
  std::vector<RingProbe> rings_;
  std::optional<Nanos> looked_at_;
  std::optional<Nanos> before_at_;
  bool removed_ = false;
};

}  // namespace prot::observe
