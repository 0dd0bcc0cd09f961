#pragma once

#include <string>
#include <vector>

#include "stage/context.hpp"

namespace prot::stage {

/// Watches how full the rings are that a stage writes. One that gets three quarters full is counted on the
/// stage's page ("pressure_RING") and told by one line, at most every ten seconds for each ring; it counts
/// anew once it was half empty. One thread, the loop's: it logs. Lifetime: shorter than the context.
class QueuePressure {
 public:
  explicit QueuePressure(StageContext& context);

  /// Each duty cycle; looks at the rings ten times a second.
  void look(Nanos now) {
    if (now >= next_look_) look_now(now);
  }

 private:
  struct Ring {
    const ipc::Output* output;
    bool pressed = false;
    Nanos quiet_until = 0;  // no line before
  };
  void look_now(Nanos now);

  StageContext* context_;
  std::vector<Ring> rings_;
  Nanos next_look_ = 0;
};

}  // namespace prot::stage
