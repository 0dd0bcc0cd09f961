#include "observe/process_facts.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/unique_fd.hpp"

namespace prot::observe {
namespace {

constexpr int kState = 0;  // fields of /proc/PID/stat behind the name
constexpr int kStartTime = 19;
constexpr int kRss = 21;

bool is_pid(std::uint64_t pid) noexcept {
  return pid > 0 && pid <= static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max());
}

std::uint64_t number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::optional<ProcessFacts> process_facts(std::uint64_t pid) {
  if (!is_pid(pid)) return std::nullopt;
  const UniqueFd file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  std::array<char, 1024> bytes{};
  const ssize_t size = ::read(file.get(), bytes.data(), bytes.size());
  if (size <= 0) return std::nullopt;
  std::string_view rest(bytes.data(), static_cast<std::size_t>(size));
  const std::size_t name_end = rest.rfind(')');  // the name may hold anything
  if (name_end == std::string_view::npos || name_end + 2 > rest.size()) return std::nullopt;
  rest.remove_prefix(name_end + 2);
  ProcessFacts facts;
  for (int field = 0; field <= kRss && !rest.empty(); ++field) {
    const std::string_view text = rest.substr(0, rest.find(' '));
    if (field == kState && !text.empty()) facts.state = text[0];
    if (field == kStartTime) facts.start_ticks = number(text);
    if (field == kRss) facts.rss_bytes = number(text) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
  }
  if (facts.state == 'Z' || facts.state == 'X') return std::nullopt;
  return facts;
}

std::optional<Nanos> process_cpu(std::uint64_t pid) noexcept {
  clockid_t clock{};
  timespec time{};
  if (!is_pid(pid) || ::clock_getcpuclockid(static_cast<pid_t>(pid), &clock) != 0 ||
      ::clock_gettime(clock, &time) != 0)
    return std::nullopt;
  return time.tv_sec * kSecond + time.tv_nsec;
}

bool is_alive(std::uint64_t pid, std::uint64_t start_ticks) {
  const auto facts = process_facts(pid);
  return facts && (start_ticks == 0 || facts->start_ticks == start_ticks);
}

}  // namespace prot::observe
