#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "base/clock.hpp"
#include "ipc/board.hpp"

namespace prot::web {

/// How far into the reply the loudspeaker is, from the board: brain tells its subscribers only that it began
/// and what of it was heard in the end. One thread. Lifetime: the board lives longer.
class Playhead {
 public:
  static constexpr Nanos kLookEvery = 150 * kMillisecond;

  explicit Playhead(const ipc::Board& board) noexcept : board_(&board) {}

  /// The event, as JSON, when it has moved; empty: it has not, or it is not time to look.
  [[nodiscard]] std::string look(Nanos now);
  /// kNever while prot does not speak.
  [[nodiscard]] Nanos next_deadline() const noexcept;

 private:
  using Place = std::tuple<std::uint32_t, std::uint32_t, std::uint64_t>;  // turn, segment, bytes of its text

  const ipc::Board* board_;
  Place shown_{};
  Nanos look_at_ = 0;
};

}  // namespace prot::web
