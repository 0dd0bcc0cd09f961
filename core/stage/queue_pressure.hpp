#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "stage/context.hpp"
#include "wire/topology.hpp"

namespace prot::stage {

/// Watches how full the rings get that a stage writes, against what they should ever hold (the topology). One
/// that gets three quarters of that is counted in its segment (pressure_events) and told by one line, at most
/// every ten seconds for each ring; it counts anew once it was below half.
///
/// Costs the writing nothing but what it does anyway: a commit keeps the peak (RingProducer::peak), so no
/// crossing is missed, and it is told at the end of the duty cycle in which it came about. That a ring has
/// emptied is seen within 100 ms while the stage works, within a second while it sleeps (the loop's belt).
/// One thread, the loop's: it logs. Lifetime: shorter than the context.
class QueuePressure {
 public:
  explicit QueuePressure(StageContext& context);

  /// Each duty cycle.
  void look(Nanos now) {
    bool crossed = now >= next_look_;
    for (const Ring& ring : rings_)
      crossed |= !ring.pressed && ring.output->ring().peak() >= ring.levels.tell;
    if (crossed) look_now(now);
  }

 private:
  struct Ring {
    ipc::Output* output;
    std::string_view producer, consumer;
    wire::PressureLevels levels;
    bool pressed = false;
    Nanos quiet_until = 0;  // no line before
  };
  void look_now(Nanos now);
  static void tell(Ring& ring, std::uint64_t used, Nanos now);

  std::vector<Ring> rings_;
  Nanos next_look_ = 0;
};

}  // namespace prot::stage
