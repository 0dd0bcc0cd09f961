#pragma once

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// Processes that exist only on paper: the test ends them, and sees what was asked. It can refuse what the
/// kernel can refuse.
class FakeProcessSys final : public ProcessSys {
 public:
  struct Process {
    SpawnRequest request;
    UniqueFd pidfd;  // written when it ends
    UniqueFd ready;  // the child's ends
    UniqueFd output;
    bool ended = false, reaped = false;
    bool child = false;  // something else of its group lives
    bool dying = false;  // that was killed, and is seen once more
    ExitStatus status;
    std::vector<int> signals;
  };

  Spawned spawn(const SpawnRequest& request) override {
    ++spawns;
    if (refuse != 0) throw errno_error("cannot start a process: fake", refuse);
    if (not_executed != 0) throw Error(request.path + ": fake", not_executed == ETXTBSY ? 1 : 2);
    Process process;
    process.request = request;
    process.child = leaves_child;
    process.pidfd.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    Spawned spawned;
    spawned.pid = next_pid++;
    spawned.pidfd.reset(::dup(process.pidfd.get()));
    spawned.output = pipe(process.output);
    if (request.says_ready) spawned.ready = pipe(process.ready);
    processes[spawned.pid] = std::move(process);
    newest = spawned.pid;
    if (unwatchable) spawned.pidfd.reset();
    return spawned;
  }
  ssize_t read(int fd, std::span<char> buffer) noexcept override {
    return ::read(fd, buffer.data(), short_reads ? 1 : buffer.size());
  }
  void signal_group(pid_t pid, int signal) noexcept override {
    const auto it = processes.find(pid);
    if (it == processes.end() || it->second.reaped) {  // whose number is it now?
      strangers_signalled.push_back(pid);
      return;
    }
    Process& process = it->second;
    process.signals.push_back(signal);
    if (signal == SIGKILL && !child_unkillable) process.child = false;
    if (process.ended) return;
    if (signal == SIGKILL && !unkillable) end(pid, -SIGKILL);
    if (signal == SIGABRT && obeys_abort) end(pid, -SIGABRT);
    if (signal == SIGTERM && obeys_term) end(pid, 0);
  }
  void signal_process(pid_t pid, int signal) noexcept override {
    signalled_alone.emplace_back(pid, signal);
    if (processes.contains(pid)) signal_group(pid, signal);
  }
  bool has_ended(pid_t pid, ExitStatus& status) noexcept override {
    const Process& process = processes.at(pid);
    if (!process.ended || process.reaped || traced) return false;
    status = process.status;
    return true;
  }
  void collect(pid_t pid) noexcept override {
    Process& process = processes.at(pid);
    if (process.child) process.signals.push_back(SIGKILL);
    process.dying = process.child && !child_unkillable;
    process.reaped = true;
  }
  bool group_is_empty(pid_t pid) noexcept override {
    Process& process = processes.at(pid);
    const bool empty = !process.child;
    if (std::exchange(process.dying, false)) process.child = false;
    return empty;
  }
  std::vector<pid_t> children_with(std::string_view, std::span<const pid_t>) const override { return {}; }
  Scheduling scheduling(pid_t) const noexcept override {
    Scheduling result = scheduled;
    result.is_traced = traced;
    return result;
  }
  void allow_tracer(pid_t pid, pid_t tracer) noexcept override { tracers.emplace_back(pid, tracer); }
  ProcessUsage usage(pid_t) const noexcept override { return {}; }
  std::uint64_t start_time(pid_t) const noexcept override { return strangers_start; }

  // The test's hand.
  void end(pid_t pid, int code) noexcept {
    Process& process = processes.at(pid);
    if (process.ended) return;
    process.ended = true;
    process.status.code = code;
    const std::uint64_t one = 1;
    if (::write(process.pidfd.get(), &one, sizeof one) < 0) std::abort();
  }
  void say(pid_t pid, std::string_view text) {
    if (::write(processes.at(pid).ready.get(), text.data(), text.size()) < 0) throw errno_error("write");
  }
  void close_ready(pid_t pid) { processes.at(pid).ready.reset(); }
  void say_ready(pid_t pid) { say(pid, "READY=1\n"); }
  [[nodiscard]] int living() const {
    int count = 0;
    for (const auto& [pid, process] : processes) count += process.reaped && !process.child ? 0 : 1;
    return count;
  }
  /// Forgets what is over, for tests with many processes.
  void forget_the_dead() {
    std::erase_if(processes, [](const auto& entry) { return entry.second.reaped && !entry.second.child; });
  }

  std::map<pid_t, Process> processes;
  pid_t next_pid = 100;
  pid_t newest = -1;
  int spawns = 0;
  int refuse = 0;            // errno of pipe, clone, pidfd
  int not_executed = 0;      // errno of execve
  bool unwatchable = false;  // its pidfd is no descriptor
  bool short_reads = false, traced = false;
  bool leaves_child = false;
  bool unkillable = false, child_unkillable = false;
  bool obeys_term = true, obeys_abort = true;
  Scheduling scheduled{'S', 0, 0, false};
  std::uint64_t strangers_start = 1;  // of a process that is not ours
  std::vector<std::pair<pid_t, int>> signalled_alone;
  std::vector<pid_t> strangers_signalled;  // after they were collected, or never ours
  std::vector<std::pair<pid_t, pid_t>> tracers;

 private:
  static UniqueFd pipe(UniqueFd& write_end) {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) throw errno_error("pipe");
    write_end.reset(ends[1]);
    return UniqueFd(ends[0]);
  }
};

}  // namespace prot::supervisor
