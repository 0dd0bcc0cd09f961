#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "ipc/board.hpp"
#include "observe/process_facts.hpp"
#include "observe/snapshot.hpp"

namespace prot::observe {

/// Turns one program's pages of the board, and what the kernel says of its process, into rows. Read-only.
/// Not thread-safe. Lives no longer than the board.
class StageProbe {
 public:
  /// REQUIRES: index < kMaxPrograms.
  StageProbe(const ipc::Board& board, std::size_t index);

  /// What is there now; rates since the last call. Ages are counted to `now`, which stands still when the run
  /// is dead; `real_now` goes on. Empty: this program was never started.
  [[nodiscard]] std::optional<StageRow> read(Nanos now, Nanos real_now);

 private:
  /// How old the kernel's slower answers may become.
  static constexpr Nanos kFactsFor = 400 * kMillisecond;

  struct Totals {
    Nanos at = 0;
    std::uint32_t pid = 0;
    std::uint64_t loops = 0, busy_ns = 0;
    std::optional<Nanos> cpu_ns;
  };
  void read_process(StageRow& row, Nanos real_now);
  void add_rates(StageRow& row, const ipc::StagePage& page, Nanos now);

  const ipc::Board* board_;
  std::size_t index_;
  std::string name_;
  std::optional<ProcessFacts> facts_;
  std::uint32_t facts_pid_ = 0;
  Nanos facts_at_ = 0;
  std::optional<Totals> before_;
};

}  // namespace prot::observe
