#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hang_judge.hpp"
#include "instance.hpp"

namespace prot::supervisor {

/// Looks at the heartbeats on the board and has what hangs (hang_judge.hpp) ended. Counts on the way the
/// timers of the programs, which one that gave up its rights cannot. Single-threaded.
class Watchdog {
 public:
  /// A hang is found within 1.25 times the limit, and 500 ms is the shortest.
  static constexpr Nanos kScanEvery = 110 * kMillisecond;
  /// The supervisor itself did not run: the machine was suspended or is full; nobody is judged by that time.
  static constexpr Nanos kOverslept = 200 * kMillisecond;
  static constexpr unsigned kScansACount = 20;

  explicit Watchdog(Instance& instance) : instance_(&instance) {}

  void begin(Nanos now) noexcept { last_scan_ = now; }
  [[nodiscard]] Nanos next_deadline() const noexcept { return last_scan_ + kScanEvery; }
  void on_time(Nanos now);

 private:
  struct Watched {
    std::uint32_t generation = 0;
    HangJudge judge{kSecond};
  };
  /// What shows that it hangs, in words; none: it does not.
  [[nodiscard]] std::optional<std::string> hang_of(Program& program, Watched& watched, Nanos now,
                                                   bool overslept) const;

  void count_timers() const;

  Instance* instance_;
  std::vector<Watched> watched_;  // as Instance::programs
  Nanos last_scan_ = 0;
  unsigned scans_ = 0;
};

}  // namespace prot::supervisor
