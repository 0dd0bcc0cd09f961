#include "base/clock.hpp"

#include <ctime>

namespace prot {
namespace {
Nanos read_clock(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return Nanos{t.tv_sec} * kSecond + t.tv_nsec;
}
}  // namespace

Nanos monotonic_now() noexcept { return read_clock(CLOCK_MONOTONIC); }
Nanos wall_now() noexcept { return read_clock(CLOCK_REALTIME); }
Nanos SteadyClock::now() const noexcept { return monotonic_now(); }

}  // namespace prot
