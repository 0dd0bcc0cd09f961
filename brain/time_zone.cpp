#include "time_zone.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "base/error.hpp"
#include "base/local_tm.hpp"

namespace prot::brain {
namespace {

constexpr std::string_view kFolder = "/usr/share/zoneinfo/";
constexpr std::array<std::string_view, 10> kAreas = {
    "", "Asia/", "Europe/", "America/", "Africa/", "Australia/", "Pacific/", "Atlantic/", "Indian/", "Etc/"};
constexpr std::size_t kMaxFile = 1U << 18U;
constexpr long kHour = 3600;

[[noreturn]] void no_zone_file() { throw Error("not a time zone file"); }

// Letters, digits and "_+-/" only: no name leads out of the folder.
bool is_zone_name(std::string_view name) noexcept {
  const auto good = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '+' || c == '-' || c == '/';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' &&
         std::all_of(name.begin(), name.end(), good);
}

std::optional<std::string> read_zone(const std::string& name) {
  std::ifstream file(std::string(kFolder) + name, std::ios::binary);
  std::string content(kMaxFile, '\0');
  if (!file.read(content.data(), static_cast<std::streamsize>(content.size())) && file.gcount() == 0)
    return std::nullopt;
  content.resize(static_cast<std::size_t>(file.gcount()));
  return content.starts_with("TZif") ? std::optional(content) : std::nullopt;
}

/// Reads a file's numbers, big-endian. Invariant: never beyond the end.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) no_zone_file();
    const std::string_view out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::int64_t number(std::size_t size) { return number_in(take(size)); }
  static std::int64_t number_in(std::string_view bytes) {
    std::uint64_t value = !bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0 ? ~0ULL : 0;
    for (const char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
    return static_cast<std::int64_t>(value);
  }
  [[nodiscard]] std::string_view rest() const noexcept { return bytes_; }

 private:
  std::string_view bytes_;
};

struct Counts {
  std::size_t utc, standard, leaps, times, types, characters;
  [[nodiscard]] std::size_t bytes(std::size_t time_size) const noexcept {
    return times * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) + standard + utc;
  }
};

Counts read_header(Bytes& in) {
  if (in.take(4) != "TZif") no_zone_file();
  in.take(16);
  const auto count = [&] {
    const std::int64_t value = in.number(4);
    if (value < 0 || value > static_cast<std::int64_t>(kMaxFile)) no_zone_file();
    return static_cast<std::size_t>(value);
  };
  Counts counts{};
  for (std::size_t* one :
       {&counts.utc, &counts.standard, &counts.leaps, &counts.times, &counts.types, &counts.characters})
    *one = count();
  return counts;
}

/// Reads a rule of POSIX' TZ variable.
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_(text) {}
  [[nodiscard]] bool at_end() const noexcept { return text_.empty(); }
  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void name() {
    const std::size_t end =
        text_.starts_with('<') ? text_.find('>') + 1 : text_.find_first_of("0123456789+-,");
    const std::size_t length = std::min(end, text_.size());
    if (length < 3) wrong();
    text_.remove_prefix(length);
  }
  long number() {
    long value = 0;
    std::size_t digits = 0;
    for (;
         digits < text_.size() && digits < 4 && std::isdigit(static_cast<unsigned char>(text_[digits])) != 0;
         ++digits)
      value = value * 10 + (text_[digits] - '0');
    if (digits == 0) wrong();
    text_.remove_prefix(digits);
    return value;
  }
  /// [+-]hh[:mm[:ss]]
  long time() {
    const long sign = skip('-') ? -1 : 1;
    if (sign > 0) skip('+');
    long seconds = number() * kHour;
    if (skip(':')) seconds += number() * 60;
    if (skip(':')) seconds += number();
    return sign * seconds;
  }
  /// Seconds since 1970 of a date rule within `year`, by the clock on the wall.
  std::int64_t date(int year) {
    using namespace std::chrono;
    sys_days day = sys_days(std::chrono::year(year) / January / 1);
    if (skip('M')) {
      const auto month_number = static_cast<unsigned>(number());
      if (!skip('.')) wrong();
      const auto week = static_cast<unsigned>(number());
      if (!skip('.')) wrong();
      const weekday which(static_cast<unsigned>(number()));
      const auto in_month = std::chrono::year(year) / month(month_number);
      if (!in_month.ok() || week < 1 || week > 5 || !which.ok()) wrong();
      day = week == 5 ? sys_days(in_month / which[last]) : sys_days(in_month / which[week]);
    } else if (skip('J')) {  // 29 February is never counted
      const long number_of_day = number();
      day += days(number_of_day - 1 + (std::chrono::year(year).is_leap() && number_of_day > 59 ? 1 : 0));
    } else {
      day += days(number());
    }
    return duration_cast<seconds>(day.time_since_epoch()).count() + (skip('/') ? time() : 2 * kHour);
  }
  [[noreturn]] static void wrong() { throw Error("not a time zone rule"); }

 private:
  std::string_view text_;
};

int year_of(std::int64_t seconds) {
  const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
  return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(at)).year());
}

}  // namespace

long detail::offset_by_rule(std::string_view rule, std::int64_t when) {
  RuleText text(rule);
  text.name();
  const long standard = -text.time();
  if (text.at_end()) return standard;
  text.name();
  long summer = standard + kHour;
  if (!text.at_end() && !text.skip(',')) {
    summer = -text.time();
    text.skip(',');
  }
  if (text.at_end()) RuleText::wrong();
  const int year = year_of(when + standard);
  const std::int64_t begin = text.date(year) - standard;
  if (!text.skip(',')) RuleText::wrong();
  const std::int64_t end = text.date(year) - summer;
  const bool is_summer = begin < end ? when >= begin && when < end : when >= begin || when < end;
  return is_summer ? summer : standard;
}

long detail::offset_in_file(std::string_view content, std::int64_t when) {
  Bytes in(content);
  Counts counts = read_header(in);
  std::size_t time_size = 4;
  if (content.size() > 4 && content[4] >= '2') {  // what has 64 bits stands behind what has 32
    in.take(counts.bytes(4));
    counts = read_header(in);
    time_size = 8;
  }
  const std::string_view times = in.take(counts.times * time_size);
  const std::string_view kinds = in.take(counts.times);
  const std::string_view types = in.take(counts.types * 6);
  in.take(counts.characters + counts.leaps * (time_size + 4) + counts.standard + counts.utc);
  const auto offset_of = [&](std::size_t type) {
    if (type >= counts.types) no_zone_file();
    return static_cast<long>(Bytes::number_in(types.substr(type * 6, 4)));
  };
  std::size_t passed = 0;
  while (passed < counts.times && Bytes::number_in(times.substr(passed * time_size, time_size)) <= when)
    ++passed;
  std::string_view rule = in.rest();
  if (rule.starts_with('\n')) rule = rule.substr(1, rule.find('\n', 1) - 1);
  if (passed == counts.times && time_size == 8 && !rule.empty()) return offset_by_rule(rule, when);
  return offset_of(passed == 0 ? 0 : static_cast<unsigned char>(kinds[passed - 1]));
}

ZoneTime time_in_zone(std::string_view name, Nanos wall_ns) {
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), ' ', '_');
  const std::time_t when = wall_ns / kSecond;
  ZoneTime out;
  const auto fill = [&](std::string zone, long offset) {
    out.zone = std::move(zone);
    out.offset_s = offset;
    const std::time_t shifted = when + offset;
    ::gmtime_r(&shifted, &out.local);
    return out;
  };
  if (wanted == "UTC") return fill(wanted, 0);
  if (is_zone_name(wanted)) {
    for (const std::string_view area : kAreas) {
      const std::string full = std::string(area) + wanted;
      if (const auto content = read_zone(full)) return fill(full, detail::offset_in_file(*content, when));
    }
  }
  throw Error("there is no time zone '" + std::string(name.substr(0, 64)) +
              "'; names are such as Asia/Seoul");
}

ZoneTime local_time(Nanos wall_ns) {
  ZoneTime out;
  out.local = local_tm(wall_ns);
  out.offset_s = out.local.tm_gmtoff;
  out.zone = local_zone_name();
  return out;
}

std::string local_zone_name() {
  const char* const variable = std::getenv("TZ");
  if (variable != nullptr && *variable != '\0') return *variable == ':' ? variable + 1 : variable;
  std::array<char, 512> link;
  const ssize_t length = ::readlink("/etc/localtime", link.data(), link.size());
  if (length > 0) {
    const std::string_view path(link.data(), static_cast<std::size_t>(length));
    constexpr std::string_view kMark = "zoneinfo/";
    if (const auto at = path.rfind(kMark); at != std::string_view::npos)
      return std::string(path.substr(at + kMark.size()));
  }
  std::string name;
  std::ifstream file("/etc/timezone");
  return std::getline(file, name) && is_zone_name(name) ? name : "UTC";
}

std::string utc_offset(long seconds) {
  const long minutes = std::labs(seconds) / 60;
  return fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace prot::brain
