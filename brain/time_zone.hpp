#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace prot::brain {

/// A moment as a clock in some time zone shows it.
struct ZoneTime {
  std::string zone;  // "Asia/Seoul"
  std::tm local{};
  long offset_s = 0;  // east of UTC
};

/// Reads the system's time zone file (RFC 8536) of that name: setting TZ would change it for every thread.
/// A city alone ("Seoul") is found too. Throws Error when there is none. Thread-safe.
[[nodiscard]] ZoneTime time_in_zone(std::string_view name, Nanos wall_ns);
/// The same by the clock of this machine. Thread-safe.
[[nodiscard]] ZoneTime local_time(Nanos wall_ns);
/// The name of this machine's time zone; "UTC" when it has none. Thread-safe.
[[nodiscard]] std::string local_zone_name();
/// "+09:00"
[[nodiscard]] std::string utc_offset(long seconds);

namespace detail {
/// Seconds east of UTC at `when` (seconds since 1970) by a file's content. Throws Error when it is none.
[[nodiscard]] long offset_in_file(std::string_view content, std::int64_t when);
/// The same by a rule such as "CET-1CEST,M3.5.0,M10.5.0/3". Throws Error when it is none.
[[nodiscard]] long offset_by_rule(std::string_view rule, std::int64_t when);
}  // namespace detail

}  // namespace prot::brain
