#pragma once

#include <functional>

#include "process_sys.hpp"

namespace prot::supervisor {

/// The real system: clone, pidfd, process groups, /proc.
class PosixProcessSys final : public ProcessSys {
 public:
  Spawned spawn(const SpawnRequest& request) override;  // spawn.cpp
  [[nodiscard]] ssize_t read(int fd, std::span<char> buffer) noexcept override;
  void signal_group(pid_t pid, int signal) noexcept override;
  void signal_process(pid_t pid, int signal) noexcept override;
  [[nodiscard]] bool has_ended(pid_t pid, ExitStatus& status) noexcept override;
  void collect(pid_t pid) noexcept override;
  [[nodiscard]] bool group_is_empty(pid_t pid) noexcept override;
  [[nodiscard]] std::vector<pid_t> children_with(std::string_view variable,
                                                 std::span<const pid_t> known) const override;
  [[nodiscard]] Scheduling scheduling(pid_t pid) const noexcept override;
  void allow_tracer(pid_t pid, pid_t tracer) noexcept override;
  [[nodiscard]] ProcessUsage usage(pid_t pid) const noexcept override;
  [[nodiscard]] std::optional<std::uint32_t> timers(pid_t pid) const noexcept override;
  [[nodiscard]] std::uint64_t start_time(pid_t pid) const noexcept override;
};

/// `pid` was started with "NAME=value".
[[nodiscard]] bool has_in_environment(pid_t pid, std::string_view variable);
/// Core dumps of this process and all it starts from now on leave shared memory out: the rings hold speech.
/// Best effort.
void keep_rings_out_of_cores() noexcept;
/// Orphans of our children come to us. Throws Error.
void become_subreaper();
/// Children of this process, adopted ones too. Empty where the kernel does not tell.
[[nodiscard]] std::vector<pid_t> own_children();
/// Kills what came to us since `before` was taken, and what comes when that has died; waits a moment at most.
/// Returns how many.
std::size_t end_adopted(const std::vector<pid_t>& before);
/// Collects ended processes that nobody knows; those that `is_known` stay for their owner.
void reap_orphans(const std::function<bool(pid_t)>& is_known) noexcept;

}  // namespace prot::supervisor
