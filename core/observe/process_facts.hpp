#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace prot::observe {

/// What the kernel says of a process.
struct ProcessFacts {
  char state = ' ';  // R, S, D, T, t, Z
  std::uint64_t start_ticks = 0;
  std::uint64_t rss_bytes = 0;
};

/// Empty: there is no such process (a zombie counts as none).
[[nodiscard]] std::optional<ProcessFacts> process_facts(std::uint64_t pid);

/// CPU time of all its threads, to the nanosecond; empty: there is no such process.
[[nodiscard]] std::optional<Nanos> process_cpu(std::uint64_t pid) noexcept;

/// Is the process alive that had this pid and start time (0: not known)? Pids come again.
[[nodiscard]] bool is_alive(std::uint64_t pid, std::uint64_t start_ticks);

}  // namespace prot::observe
