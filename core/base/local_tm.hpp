#pragma once

#include <ctime>

#include "base/clock.hpp"

namespace prot {

/// Wall time as the calendar and the clocks of this machine's time zone have it.
[[nodiscard]] inline std::tm local_tm(Nanos wall_ns) noexcept {
  const std::time_t seconds = wall_ns / kSecond;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace prot
