#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "ipc/board.hpp"
#include "ipc/channel.hpp"

namespace prot::bench {

/// A run whose only stage is empty_stage in the place of stt: its ring from capture, its ring to brain, the
/// board and the bells, as the supervisor makes them; and the supervisor's part in its life. The caller has
/// the other ends of the rings. Segments are unlinked at the end, the process killed. Not thread-safe.
class EmptyRun {
 public:
  EmptyRun();
  EmptyRun(const EmptyRun&) = delete;
  EmptyRun& operator=(const EmptyRun&) = delete;
  ~EmptyRun();

  /// Starts the next generation and returns at once.
  void spawn();
  /// In a child that shall become the stage. Never returns.
  [[noreturn]] void become();
  /// The stage says that it is ready. Throws Error when it ended instead.
  void await_ready();
  /// SIGKILL, and waits until the process is gone.
  void kill_now();

  /// The other ends, opened at the first use: in the process that uses them.
  [[nodiscard]] ipc::Output& feed();
  [[nodiscard]] ipc::Input& results();
  [[nodiscard]] const ipc::Doorbell& results_bell() const { return bells_.at("brain"); }
  /// Sleeps until a result is there.
  void await_result();

  [[nodiscard]] int pid() const noexcept { return pid_; }
  [[nodiscard]] const ipc::RingConsumerPage& consumer_page() const { return *mic_->memory().consumer; }

 private:
  std::string instance_;
  SteadyClock clock_;
  std::map<std::string, ipc::Doorbell> bells_;
  std::optional<ipc::Board> board_;
  std::optional<ipc::RingSegment> mic_;
  std::optional<ipc::RingSegment> transcript_;
  std::vector<ipc::RingSegment> silent_;  // its other inputs: nobody writes to them
  std::optional<ipc::Output> feed_;
  std::optional<ipc::Input> results_;
  UniqueFd ready_reader_, ready_writer_;
  UniqueFd lifeline_reader_, lifeline_writer_;
  std::uint32_t generation_ = 0;
  int pid_ = -1;
};

}  // namespace prot::bench
