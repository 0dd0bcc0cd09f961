#pragma once

#include "echo_remover.hpp"
#include "ipc/channel.hpp"

namespace prot::capture {

/// Listens to what prot itself plays (`echo`), so that capture knows when its own voice may be in the
/// microphone, and hands it on to who removes it. One thread (the loop).
class EchoMonitor {
 public:
  explicit EchoMonitor(ipc::Input& echo) noexcept : echo_(echo) {}

  /// How late player may be with what it has promised: a window is kept for so long; what is heard without,
  /// until the promise is worth nothing any more, counts as prot's own voice.
  static constexpr Nanos kPatience = 250 * kMillisecond;
  static constexpr Nanos kPromise = 600 * kMillisecond;

  /// Takes everything that is there; `remover` may be null. Returns frames taken.
  int drain(EchoRemover* remover);
  /// Was something audible just before `now`, by a loudspeaker that is `late` behind what it says? RT safe.
  [[nodiscard]] bool audible(Nanos now, Nanos late) const noexcept;
  /// Player has said that it plays, and will say more of it. RT safe.
  [[nodiscard]] bool expects(Nanos now) const noexcept { return plays_ && now < expects_until_; }
  /// Nothing has been played yet of what was announced, of the newest `announced_turn`. RT safe.
  [[nodiscard]] bool only_announced() const noexcept { return announced_; }
  [[nodiscard]] std::uint32_t announced_turn() const noexcept { return announced_turn_; }

 private:
  ipc::Input& echo_;
  Nanos audible_until_ = 0;
  bool plays_ = false;
  bool announced_ = false;  // what was promised has not come yet
  std::uint32_t announced_turn_ = 0;
  Nanos expects_until_ = 0;
};

}  // namespace prot::capture
