#pragma once

#include "echo_remover.hpp"
#include "ipc/channel.hpp"

namespace prot::capture {

/// Listens to what prot itself plays (`echo`), so that capture knows when its own voice may be in the
/// microphone, and hands it on to who removes it. One thread (the loop).
class EchoMonitor {
 public:
  explicit EchoMonitor(ipc::Input& echo) noexcept : echo_(echo) {}

  /// Takes everything that is there; `remover` may be null. Returns frames taken.
  int drain(EchoRemover* remover);
  /// Was something audible just before `now`, by a loudspeaker that is `late` behind what it says? RT safe.
  [[nodiscard]] bool audible(Nanos now, Nanos late) const noexcept;

 private:
  ipc::Input& echo_;
  Nanos audible_until_ = 0;
};

}  // namespace prot::capture
