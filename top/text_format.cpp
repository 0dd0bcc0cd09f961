#include "text_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace prot::top {
namespace {

constexpr double kKilo = 1024;
constexpr Nanos kMinute = 60 * kSecond;
constexpr Nanos kHour = 60 * kMinute;
constexpr Nanos kDay = 24 * kHour;

// One decimal while it is below ten.
std::string scaled(double value, const char* unit) {
  return value < 10 ? fmt::format("{:.1f}{}", value, unit) : fmt::format("{:.0f}{}", value, unit);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return clean;
}

std::string count_text(std::uint64_t count) {
  if (count < 1'000'000) return fmt::format("{}", count);
  double value = static_cast<double>(count) / 1e6;
  for (const char* unit : {"M", "G", "T"}) {
    if (value < 1000) return scaled(value, unit);
    value /= 1000;
  }
  return scaled(value, "P");
}

std::string size_text(double bytes) {
  if (bytes < kKilo) return fmt::format("{:.0f}", bytes);
  for (const char* unit : {"K", "M", "G"}) {
    bytes /= kKilo;
    if (bytes < 1000 || *unit == 'G') {
      const std::string text = scaled(bytes, unit);
      return text.ends_with(fmt::format(".0{}", unit)) ? fmt::format("{:.0f}{}", bytes, unit) : text;
    }
  }
  return {};
}

std::string rate_text(std::optional<double> rate) {
  if (!rate) return kNoData;
  if (*rate < 99.95) return fmt::format("{:.1f}", *rate);
  if (*rate < 1e6) return fmt::format("{:.0f}", *rate);
  return count_text(static_cast<std::uint64_t>(std::min(*rate, 1e18)));
}

std::string percent_text(std::optional<double> percent) {
  if (!percent) return kNoData;
  return *percent < 99.95 ? fmt::format("{:.1f}", *percent) : fmt::format("{:.0f}", *percent);
}

std::string ms_text(std::optional<Nanos> time) {
  if (!time) return kNoData;
  const double ms = static_cast<double>(*time) / 1e6;
  if (ms < 10) return fmt::format("{:.2f}", ms);
  if (ms < 100) return fmt::format("{:.1f}", ms);
  return ms < 1e6 ? fmt::format("{:.0f}", ms) : span_text(time);
}

std::string span_text(std::optional<Nanos> time) {
  if (!time) return kNoData;
  if (*time < 10 * kSecond) return fmt::format("{}ms", *time / kMillisecond);
  if (*time < kMinute) return fmt::format("{}s", *time / kSecond);
  if (*time < kHour) return fmt::format("{}m{:02}s", *time / kMinute, *time % kMinute / kSecond);
  if (*time < kDay) return fmt::format("{}h{:02}m", *time / kHour, *time % kHour / kMinute);
  return fmt::format("{}d{:02}h", *time / kDay, *time % kDay / kHour);
}

std::string exit_text(std::optional<std::int32_t> code) {
  if (!code) return kNoData;
  if (*code >= 0) return fmt::format("{}", *code);
  const char* name = *code > -128 ? ::sigabbrev_np(-*code) : nullptr;
  return name != nullptr ? fmt::format("SIG{}", name)
                         : fmt::format("signal {}", -static_cast<std::int64_t>(*code));
}

std::string padded(std::string_view text, std::size_t width, bool left) {
  text = text.substr(0, width);
  return left ? fmt::format("{:<{}}", text, width) : fmt::format("{:>{}}", text, width);
}

}  // namespace prot::top
