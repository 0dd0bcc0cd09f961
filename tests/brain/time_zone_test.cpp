#include "brain/time_zone.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

#include "base/error.hpp"

using namespace prot;
using namespace prot::brain;

namespace {

/// This process in another time zone.
class InZone {
 public:
  explicit InZone(const std::string& zone) {
    if (const char* before = ::getenv("TZ")) before_ = before;
    ::setenv("TZ", zone.c_str(), 1);
    ::tzset();
  }
  ~InZone() {
    if (before_.empty()) {
      ::unsetenv("TZ");
    } else {
      ::setenv("TZ", before_.c_str(), 1);
    }
    ::tzset();
  }

 private:
  std::string before_;
};

constexpr std::int64_t kDay = 86400;

std::string text_of(const std::tm& t) {
  char out[64];
  std::strftime(out, sizeof out, "%F %T %w", &t);
  return out;
}

}  // namespace

TEST_CASE("a clock in a named time zone shows what the C library shows there") {
  for (const char* zone :
       {"UTC", "Asia/Seoul", "America/New_York", "Europe/London", "Europe/Dublin", "Asia/Kathmandu",
        "Australia/Lord_Howe", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia"}) {
    const InZone here(zone);
    int wrong = 0;
    std::string first;
    // 1970 to 2069, by steps that meet every hour of the day and both sides of each change.
    for (std::int64_t when = 0; when < 36500 * kDay; when += 5 * kDay + 3 * 3600 + 61) {
      std::tm known{};
      const std::time_t seconds = when;
      ::localtime_r(&seconds, &known);
      const ZoneTime shown = time_in_zone(zone, when * kSecond);
      if (text_of(shown.local) == text_of(known) && shown.offset_s == known.tm_gmtoff) continue;
      if (wrong++ == 0) first = text_of(known) + " is not " + text_of(shown.local);
    }
    CHECK_MESSAGE(wrong == 0, zone << ": " << first);
  }
}

TEST_CASE("rules of POSIX give the offset on both sides of each change") {
  const auto at = [](std::string_view rule, std::int64_t when) { return detail::offset_by_rule(rule, when); };
  constexpr std::int64_t kMarch2026 = 1772953200;  // 8 March 2026, 02:00 EST
  CHECK(at("EST5EDT,M3.2.0,M11.1.0", kMarch2026 - 1) == -5 * 3600);
  CHECK(at("EST5EDT,M3.2.0,M11.1.0", kMarch2026) == -4 * 3600);
  CHECK(at("<+0330>-3:30", 0) == 12600);
  CHECK(at("KST-9", 0) == 9 * 3600);
  CHECK(at("AEST-10AEDT,M10.1.0,M4.1.0/3", 1767225600) == 11 * 3600);  // January: summer in the south
  CHECK(at("AEST-10AEDT,M10.1.0,M4.1.0/3", 1782864000) == 10 * 3600);  // July
  CHECK(at("IST-1GMT0,M10.5.0,M3.5.0/1", 1767225600) == 0);            // winter time is the exception there
  CHECK(at("ABC0DEF,J60/0,J61/0", 1772323200) == 3600);                // 1 March is J60 in every year
  CHECK(at("ABC0DEF,J60/0,J61/0", 1772323199) == 0);
  CHECK(at("ABC0DEF,59/0,60/0", 1772323200) == 3600);  // and day 59 in one without 29 February
  for (const char* wrong : {"", "A", "EST", "EST5EDT,", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0",
                            "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.9,M11.1.0", "<+03", "EST5EDT,Mx,M1"})
    CHECK_THROWS_AS((void)at(wrong, 0), Error);
}

TEST_CASE("names are found by their city, and lead nowhere else") {
  CHECK(time_in_zone("Seoul", 0).zone == "Asia/Seoul");
  CHECK(time_in_zone("New York", 0).zone == "America/New_York");
  CHECK(time_in_zone("Asia/Seoul", 0).local.tm_hour == 9);
  for (const char* name : {"", "Nowhere", "../../etc/passwd", "/etc/localtime", "Asia", "Asia/Seoul/",
                           "Asia/../UTC", "a\nb", "tzdata.zi", "zone.tab"})
    CHECK_THROWS_AS((void)time_in_zone(name, 0), Error);
  CHECK(utc_offset(9 * 3600) == "+09:00");
  CHECK(utc_offset(-12600) == "-03:30");
  const InZone here("Asia/Seoul");
  CHECK(local_zone_name() == "Asia/Seoul");
  CHECK(local_time(0).local.tm_hour == 9);
  CHECK(local_time(0).offset_s == 9 * 3600);
}

TEST_CASE("a damaged file is an error, wherever it ends") {
  std::ifstream file("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  REQUIRE(whole.size() > 500);
  CHECK(detail::offset_in_file(whole, 1782864000) == 2 * 3600);
  int refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    try {
      (void)detail::offset_in_file(std::string_view(whole).substr(0, size), 1782864000);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 400);
  for (std::size_t i = 20; i < 44; ++i) {  // counts that promise too much
    std::string damaged = whole;
    damaged[i] = '\x7F';
    try {
      (void)detail::offset_in_file(damaged, 0);
    } catch (const Error&) {
    }
  }
}
