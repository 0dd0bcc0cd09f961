#pragma once

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>

namespace prot::ipc::test {

[[noreturn]] inline void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

/// Parent and child take turns at every instruction: on one processor that costs no wake-up of another.
inline void stay_on_one_processor() {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(::sched_getcpu()), &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

/// A child that runs `act` instruction by instruction, and is killed at the end.
class Child {
 public:
  Child(std::atomic<int>& done, const std::function<void()>& act) : done_(done), pid_(::fork()) {
    if (pid_ < 0) die("fork");
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      act();
      done_ = 1;
      for (;;) ::pause();
    }
    wait_for(SIGSTOP);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  /// One instruction. False: the operation has returned.
  bool step() {
    if (::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr) != 0) die("ptrace");
    wait_for(SIGTRAP);
    return done_ == 0;
  }
  /// So many; false as above.
  bool step(std::uint64_t steps) {
    bool more = true;
    for (std::uint64_t i = 0; i < steps && more; ++i) more = step();
    return more;
  }
  /// To the end of the operation, at full speed.
  void go_on() {
    if (done_ != 0) return;
    if (::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) die("ptrace");
    while (done_ == 0) ::sched_yield();
  }

 private:
  void wait_for(int signal) {
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status) || WSTOPSIG(status) != signal)
      die("the child ended by itself");
  }
  std::atomic<int>& done_;
  pid_t pid_;
};

}  // namespace prot::ipc::test
