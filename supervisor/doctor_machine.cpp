// prot doctor: what the machine allows.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/clock.hpp"
#include "doctor.hpp"
#include "wire/topology.hpp"

namespace prot::supervisor {
namespace {
namespace fs = std::filesystem;
using stage::Finding;
using stage::Findings;
using stage::Verdict;

constexpr long kTmpfs = 0x01021994;
constexpr std::uint64_t kMiB = 1U << 20U;
constexpr Nanos kNewYear2024 = 1'704'067'200 * kSecond;

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string limit_text(rlim_t value, rlim_t unit) {
  return value == RLIM_INFINITY ? "no limit" : std::to_string(value / unit);
}

rlimit limit_of(__rlimit_resource what) {
  rlimit limit{};
  (void)::getrlimit(what, &limit);  // fails for unknown resources only
  return limit;
}

std::uint64_t ring_bytes() {
  std::uint64_t sum = 0;
  for (const wire::RingInfo& ring : wire::kRings) sum += ring.capacity;
  return sum;
}

Finding check_realtime() {
  const rlimit limit = limit_of(RLIMIT_RTPRIO);
  const bool rtkit = fs::exists("/usr/share/dbus-1/system-services/org.freedesktop.RealtimeKit1.service");
  const std::string finding = fmt::format("priority up to {} (rtkit {})", limit_text(limit.rlim_cur, 1),
                                          rtkit ? "installed" : "not there");
  if (limit.rlim_cur > 0 || ::geteuid() == 0) return {Verdict::kOk, "real-time limit", finding};
  return {Verdict::kWarn, "real-time limit", finding + ": under load the voice may stutter",
          "as root: echo '@audio - rtprio 20' > /etc/security/limits.d/prot.conf, then log in again; the "
          "systemd units set it by themselves"};
}

Finding check_memlock() {
  const rlimit limit = limit_of(RLIMIT_MEMLOCK);
  const std::string finding =
      limit.rlim_cur == RLIM_INFINITY ? "no limit" : limit_text(limit.rlim_cur, kMiB) + " MiB";
  if (limit.rlim_cur >= kMiB * 8) return {Verdict::kOk, "locked memory", finding};
  return {Verdict::kWarn, "locked memory", finding + ": the sound server's buffers may be swapped out",
          "as root: echo '@audio - memlock 262144' > /etc/security/limits.d/prot.conf"};
}

Finding check_ptrace() {
  const std::string scope = first_line("/proc/sys/kernel/yama/ptrace_scope");
  const std::string finding = scope.empty() ? "not restricted (no Yama)" : "ptrace_scope " + scope;
  if (scope == "3" || (scope == "2" && ::geteuid() != 0))
    return {
        Verdict::kWarn, "debugger", finding + ": prot debug cannot attach",
        "as root: sysctl kernel.yama.ptrace_scope=1" + std::string(scope == "3" ? " after a restart" : "")};
  if (::access("/usr/bin/gdb", X_OK) != 0)
    return {Verdict::kWarn, "debugger", finding + ", gdb is not installed", "apt-get install gdb"};
  return {Verdict::kOk, "debugger", finding};
}

Finding check_cores() {
  const rlimit limit = limit_of(RLIMIT_CORE);
  const std::string pattern = first_line("/proc/sys/kernel/core_pattern");
  const std::string finding = fmt::format("limit {}{}, core_pattern {}", limit_text(limit.rlim_cur, kMiB),
                                          limit.rlim_cur == RLIM_INFINITY ? "" : " MiB", pattern);
  if (limit.rlim_cur != 0 || pattern.starts_with('|')) return {Verdict::kOk, "core dumps", finding};
  return {
      Verdict::kWarn, "core dumps", finding + ": a crash leaves no core",
      limit.rlim_max != 0 ? "ulimit -c unlimited before prot up" : "raise the hard limit: limits.d, core"};
}

Finding check_space(const std::string& what, const fs::path& folder, std::uint64_t fail_below,
                    std::uint64_t warn_below, const std::string& mend) {
  struct statvfs info {};
  const fs::path there = existing_part(folder);
  if (::statvfs(there.c_str(), &info) != 0)
    return {Verdict::kFail, what, folder.string() + " cannot be looked at", "check that its disk is mounted"};
  const std::uint64_t free = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  const std::string finding = fmt::format("{} MiB free in {}", free / kMiB, folder.string());
  if ((info.f_flag & ST_RDONLY) != 0)
    return {Verdict::kFail, what, folder.string() + " is on a read-only file system", "mount it writable"};
  if (free >= warn_below) return {Verdict::kOk, what, finding};
  return {free < fail_below ? Verdict::kFail : Verdict::kWarn, what,
          fmt::format("{}, wanted are {}", finding, warn_below / kMiB), mend};
}

Finding check_shared_memory() {
  const std::string what = "shared memory";
  struct statfs info {};
  if (::statfs("/dev/shm", &info) != 0 || info.f_type != kTmpfs)
    return {Verdict::kFail, what, "/dev/shm is no tmpfs", "as root: mount -t tmpfs tmpfs /dev/shm"};
  if (::access("/dev/shm", W_OK) != 0)
    return {Verdict::kFail, what, "/dev/shm cannot be written", "as root: chmod 1777 /dev/shm"};
  return check_space(what, "/dev/shm", ring_bytes() + kMiB, 2 * ring_bytes(),
                     "as root: mount -o remount,size=256M /dev/shm (a container: --shm-size=256m)");
}

Finding check_clock() {
  timespec resolution{};
  if (::clock_getres(CLOCK_MONOTONIC, &resolution) != 0 || resolution.tv_sec != 0 ||
      resolution.tv_nsec > 1000)
    return {Verdict::kWarn, "clock", "the monotonic clock is coarser than a microsecond",
            "boot with another clocksource: latencies will be measured coarsely"};
  const std::string source = first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  if (wall_now() < kNewYear2024)
    return {Verdict::kWarn, "clock", "the wall clock is wrong", "set the time: timedatectl set-ntp true"};
  if (source == "acpi_pm" || source == "hpet" || source == "jiffies")
    return {Verdict::kWarn, "clock", source + ": each reading is a slow system call",
            "boot with clocksource=tsc where the machine allows it"};
  return {Verdict::kOk, "clock", source.empty() ? "monotonic, 1 ns" : source};
}

}  // namespace

fs::path existing_part(fs::path path) {
  std::error_code error;
  while (!fs::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Findings check_machine(const InstancePaths& paths) {
  return {check_realtime(),
          check_memlock(),
          check_ptrace(),
          check_cores(),
          check_clock(),
          check_shared_memory(),
          check_space("disk for state", paths.state, 64 * kMiB, 1024 * kMiB,
                      "free some space: memories and logs are kept there"),
          check_space("disk for models", paths.cache, 1 * kMiB, 64 * kMiB, "free some space there")};
}

}  // namespace prot::supervisor
