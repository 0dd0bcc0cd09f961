#include "tools/date_time.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/error.hpp"
#include "time_zone.hpp"

namespace prot::brain {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

}  // namespace

DateTimeTool::DateTimeTool(std::function<Nanos()> wall) : wall_(std::move(wall)) {
  description_.name = "date_time";
  description_.description = "The date and time now, in a named time zone.";
  description_.schema = R"({"type":"object","properties":{"time_zone":{"type":"string",)"
                        R"("description":"IANA name such as Asia/Seoul; left out: the user's"}}})";
}

std::unique_ptr<ToolUse> DateTimeTool::start(json::View arguments, Nanos now) {
  (void)now;
  const json::View wish = arguments.get("time_zone");
  if (wish && !wish.is_string()) throw Error("time_zone must be text");
  const std::string_view zone = wish.as_string();
  const ZoneTime time = zone.empty() ? local_time(wall_()) : time_in_zone(zone, wall_());
  json::Writer out;
  out.begin_object().member("time_zone", time.zone);
  out.member("datetime", fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", time.local.tm_year + 1900,
                                     time.local.tm_mon + 1, time.local.tm_mday, time.local.tm_hour,
                                     time.local.tm_min, time.local.tm_sec));
  out.member("weekday", kDays[static_cast<std::size_t>(time.local.tm_wday)]);
  out.member("utc_offset", utc_offset(time.offset_s));
  return std::make_unique<ReadyAnswer>(out.end_object().str());
}

}  // namespace prot::brain
