#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace prot::memory {

/// The text with the date behind what is relative to the day it was said: "the exam is tomorrow
/// (2026-11-27)", "다음 주 화요일에 (2026-12-01) 이사한다". Weeks begin on Monday, days are of local time.
/// Korean and English; a text that has a date of this form already is left as it is.
[[nodiscard]] std::string with_dates(std::string_view text, Nanos said_at);

/// Words for a day, week, month or year by the day they are said on, as with_dates() knows them.
struct RelativeDate {
  enum class Unit { kDay, kWeek, kMonth, kYear };
  std::string_view words;  // begin of each Korean word; whole English words
  Unit unit;
  int by;
};
[[nodiscard]] std::span<const RelativeDate> relative_dates() noexcept;

/// The day of local time, and when it begins.
[[nodiscard]] std::chrono::sys_days local_day(Nanos wall);
[[nodiscard]] Nanos begin_of(std::chrono::sys_days day);

/// "2026-11-26", the day of local time.
[[nodiscard]] std::string iso_date(Nanos wall);

}  // namespace prot::memory
