#pragma once

#include "base/clock.hpp"

namespace prot::stage {

/// One process' work. Owns no thread, socket, device or clock of its own but what its backends own, so that a
/// test drives it by hand: construct with fakes, then call do_work().
///
///   state     | start()  | do_work()      | finished() | stop()
///   made      | started  | not allowed    | false      | stopped
///   started   | -        | one duty cycle | true once end-of-stream was forwarded | stopped
///   stopped   | -        | not allowed    | -          | no-op (idempotent; also after a failed start)
class Stage {
 public:
  virtual ~Stage() = default;
  /// Opens devices, loads models. Throws Error.
  virtual void start() = 0;
  /// Asked between duty cycles until it is true; then the runner reports READY.
  [[nodiscard]] virtual bool ready(Nanos now) const {
    (void)now;
    return true;
  }
  /// One duty cycle; never blocks. Returns items moved; 0 = idle, the loop may sleep.
  virtual int do_work(Nanos now) = 0;
  /// When do_work must be called again although nothing arrives; kNever: only when something arrives.
  [[nodiscard]] virtual Nanos next_deadline(Nanos now) const {
    (void)now;
    return kNever;
  }
  /// The drain has passed through this stage: end-of-stream was forwarded and nothing is left to do.
  [[nodiscard]] virtual bool finished() const = 0;
  /// Closes devices and threads in a known order. No end-of-stream, no drain.
  virtual void stop() noexcept = 0;
};

}  // namespace prot::stage
