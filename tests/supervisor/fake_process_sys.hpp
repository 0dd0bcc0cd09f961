#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "process_sys.hpp"

namespace prot::supervisor {

/// Processes that exist only on paper: the test ends them, and sees what was asked.
class FakeProcessSys final : public ProcessSys {
 public:
  struct Process {
    SpawnRequest request;
    int pidfd = -1;  // ours: written when it ends
    int ready = -1;  // the child's end
    int output = -1;
    bool ended = false;
    bool reaped = false;
    ExitStatus status;
    std::string exec_error;
    std::vector<int> signals;
  };

  ~FakeProcessSys() override {
    for (auto& [pid, process] : processes)
      for (const int fd : {process.pidfd, process.ready, process.output})
        if (fd >= 0) ::close(fd);
  }

  Spawned spawn(const SpawnRequest& request) override {
    if (refuse) throw Error("cannot start a process: fake");
    Process process;
    process.request = request;
    process.pidfd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    for (const auto& [from, to] : request.files) {
      if (to == 1) process.output = ::dup(from);
      if (to == 3) process.ready = ::dup(from);
    }
    Spawned spawned;
    spawned.pid = next_pid++;
    spawned.pidfd.reset(::dup(process.pidfd));
    int ends[2];
    if (::pipe(ends) != 0) throw errno_error("pipe");
    if (!exec_error.empty() && ::write(ends[1], exec_error.data(), exec_error.size()) < 0)
      throw errno_error("write");
    ::close(ends[1]);
    spawned.exec_error.reset(ends[0]);
    processes[spawned.pid] = process;
    newest = spawned.pid;
    return spawned;
  }
  void signal_group(pid_t pid, int signal) noexcept override {
    const auto it = processes.find(pid);
    if (it == processes.end() || it->second.reaped) return;
    it->second.signals.push_back(signal);
    if (signal == SIGKILL && !unkillable) end(pid, -SIGKILL);
    if (signal == SIGTERM && obeys_term) end(pid, 0);
  }
  void signal_process(pid_t pid, int signal) noexcept override {
    signalled_alone.emplace_back(pid, signal);
    signal_group(pid, signal);
  }
  bool reap(pid_t pid, ExitStatus& status) noexcept override {
    Process& process = processes.at(pid);
    if (!process.ended || process.reaped || traced) return false;
    process.reaped = true;
    status = process.status;
    return true;
  }
  bool is_traced(pid_t) const noexcept override { return traced; }
  ProcessUsage usage(pid_t) const noexcept override { return {}; }
  std::uint64_t start_time(pid_t) const noexcept override { return strangers_start; }

  // The test's hand.
  void end(pid_t pid, int code) noexcept {
    Process& process = processes.at(pid);
    if (process.ended) return;
    process.ended = true;
    process.status.code = code;
    const std::uint64_t one = 1;
    if (::write(process.pidfd, &one, sizeof one) < 0) std::abort();
  }
  void say_ready(pid_t pid) {
    if (::write(processes.at(pid).ready, "READY=1\n", 8) != 8) throw errno_error("write");
  }
  [[nodiscard]] int living() const {
    int count = 0;
    for (const auto& [pid, process] : processes) count += process.reaped ? 0 : 1;
    return count;
  }

  std::map<pid_t, Process> processes;
  pid_t next_pid = 100;
  pid_t newest = -1;
  bool refuse = false;
  bool traced = false;
  bool unkillable = false;
  bool obeys_term = true;
  std::string exec_error;
  std::uint64_t strangers_start = 1;  // of a process that is not ours
  std::vector<std::pair<pid_t, int>> signalled_alone;
};

}  // namespace prot::supervisor
