#pragma once

#include <algorithm>

#include "audio/pacer.hpp"
#include "base/clock.hpp"

namespace prot::test {

/// A clock, and a sleep that only turns it.
struct FakeTime {
  FakeClock clock;
  [[nodiscard]] audio::Pacing pacing() {
    return {.clock = &clock,
            .sleep_until = [this](Nanos when) { clock.advance(std::max<Nanos>(0, when - clock.now())); }};
  }
};

}  // namespace prot::test
