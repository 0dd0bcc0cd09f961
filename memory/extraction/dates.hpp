#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace prot::memory {

/// The text with the date behind what is relative to the day it was said: "the exam is tomorrow
/// (2026-11-27)", "다음 주 화요일에 (2026-12-01) 이사한다". Weeks begin on Monday, days are of local time.
/// Korean and English; a text that has a date of this form already is left as it is.
[[nodiscard]] std::string with_dates(std::string_view text, Nanos said_at);

/// The day of local time, and when it begins.
[[nodiscard]] std::chrono::sys_days local_day(Nanos wall);
[[nodiscard]] Nanos begin_of(std::chrono::sys_days day);

/// "2026-11-26", the day of local time.
[[nodiscard]] std::string iso_date(Nanos wall);

}  // namespace prot::memory
