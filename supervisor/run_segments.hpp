#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "ipc/board.hpp"
#include "ipc/shm_segment.hpp"
#include "programs.hpp"

namespace prot::supervisor {

/// The shared memory of one run: the board and every ring of the topology. Created here, unlinked by
/// remove(), not by the destructor: what a killed supervisor leaves is what the next start replays.
/// Single-threaded.
class RunSegments {
 public:
  /// Throws Error; nothing is left behind then.
  RunSegments(const std::string& instance, const std::string& run_id);

  [[nodiscard]] ipc::Board& board() noexcept { return board_; }
  [[nodiscard]] const ipc::Board& board() const noexcept { return board_; }
  [[nodiscard]] const std::vector<ipc::RingSegment>& rings() const noexcept { return rings_; }

  /// A new process of `stage` is about to attach.
  void set_generation(std::string_view stage, std::uint32_t generation, std::uint64_t pid) noexcept;
  /// `stage` is gone for good (or, open again, is not).
  void set_closed(std::string_view stage, bool closed) noexcept;
  /// A ring that `stage` reads holds frames.
  [[nodiscard]] bool input_pending(std::string_view stage) const noexcept;
  [[nodiscard]] bool ring_pending(std::string_view ring) const noexcept;
  /// Wakes everybody who shares a ring with `stage`.
  void ring_neighbours(std::string_view stage, const RunContext& run) const noexcept;
  void ring_all(const RunContext& run) const noexcept;

  void remove() noexcept;

 private:
  std::string instance_;
  std::string run_id_;
  ipc::Board board_;
  std::vector<ipc::RingSegment> rings_;
};

/// 12 random hexadecimal digits.
[[nodiscard]] std::string new_run_id();

/// Copies the frames that a dead run's `turns` ring still holds to `spool`/RUN-NNN.frames, forced to disk:
/// records (ipc/record_file.hpp) of RecordHeader and payload. Returns how many; 0 writes no file. Throws
/// Error.
std::size_t save_turns(const std::string& shm_name, const std::string& run_id,
                       const std::filesystem::path& spool);

[[nodiscard]] Error already_running(const std::string& instance, long pid);

/// What a stale run's removal did.
struct StaleRuns {
  std::size_t runs = 0;
  std::size_t frames_saved = 0;
  std::size_t processes_killed = 0;
  std::vector<std::string> warnings;  // what could not be read, and stays
};

/// Finds this user's runs of this instance whose supervisor is dead, kills what is left of them, saves their
/// turns and unlinks their segments; other users' are no business of it. REQUIRES: the instance's locks are
/// held. Throws Error when turns cannot be saved (then their segments stay), and, before it touches anything,
/// when another run of that name lives.
StaleRuns clear_stale_runs(const InstancePaths& paths, ProcessSys& sys);

/// state/pids: every process of the run with its start time, so that a later start can find survivors.
void write_pids(const InstancePaths& paths, const std::vector<pid_t>& pids, const ProcessSys& sys);

}  // namespace prot::supervisor
