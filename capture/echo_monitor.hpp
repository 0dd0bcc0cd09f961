#pragma once

#include "far_end.hpp"
#include "ipc/channel.hpp"

namespace prot::capture {

/// Listens to what prot itself plays (`echo`), so that capture knows when its own voice may be in the
/// microphone, and hands it on to who removes it. One thread (the loop).
class EchoMonitor {
 public:
  explicit EchoMonitor(ipc::Input& echo) noexcept : echo_(echo) {}

  /// Takes everything that is there; `far_end` may be null. Returns frames taken.
  int drain(FarEnd* far_end);
  /// Was something audible at the loudspeaker just before `now`? RT safe.
  [[nodiscard]] bool audible(Nanos now) const noexcept;

 private:
  ipc::Input& echo_;
  Nanos audible_until_ = 0;
};

}  // namespace prot::capture
