#pragma once

#include <cstdint>

#include "base/clock.hpp"
#include "ipc/board.hpp"

namespace prot::brain {

/// What brain knows of the sound at the loudspeaker: since when the reply under way is audible, when the last
/// one was, and whether anything moves. One thread, no clock of its own.
class Loudspeaker {
 public:
  static constexpr Nanos kRoom = 150 * kMillisecond;  // how long its sound stays in the room

  /// The reply was given to the voice, or the player told something of it.
  void progress(Nanos now) noexcept { progress_at_ = now; }
  /// The same by the board, which a dead ring does not hold up.
  void look(const ipc::PlaybackPage& played, Nanos now) noexcept;
  [[nodiscard]] Nanos progress_at() const noexcept { return progress_at_; }

  /// The reply's first sample is at the DAC.
  void audible(Nanos at) noexcept;
  /// The reply is over, however it ended.
  void over(Nanos now) noexcept;
  /// First sample of the reply under way; 0: silent so far.
  [[nodiscard]] Nanos audible_at() const noexcept { return audible_at_; }
  /// Could what began at `speech_start` be the loudspeaker's own sound?
  [[nodiscard]] bool overlaps(Nanos speech_start) const noexcept;

 private:
  Nanos progress_at_ = 0;
  std::uint64_t mark_ = 0;
  Nanos audible_at_ = 0;
  Nanos last_from_ = 0;  // the last reply that was audible, this one included
  Nanos last_to_ = 0;    // 0: it still is
};

}  // namespace prot::brain
