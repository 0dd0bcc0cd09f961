#include "process_pair.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <map>
#include <new>

#include "base/error.hpp"

namespace prot::bench {
namespace {

constexpr unsigned kHangSeconds = 90;

void pin(unsigned index) noexcept {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  unsigned skip = index % usable_cores();
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || skip-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    (void)::sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

[[noreturn]] void child(unsigned index, const ProcessPair::Body& body, Arena& arena, int group, int parent) {
  int status = 1;
  try {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    (void)::setpgid(0, group);
    ::alarm(kHangSeconds);
    pin(index);
    if (arena.traced) {
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(3);
      ::raise(SIGSTOP);
    }
    body(arena);
    status = 0;
  } catch (const std::exception& e) {
    std::strncpy(arena.side[index].error.data(), full_message(e).c_str(), arena.side[index].error.size() - 1);
  }
  ::_exit(status);
}

void end_process(int pid) noexcept {
  if (pid > 0) ::kill(pid, SIGKILL);
}

}  // namespace

void Side::add_sample(Nanos value) noexcept {
  if (sample_count >= kMostSamples) return;
  samples[sample_count++] = value < 0 ? 0 : static_cast<std::uint32_t>(std::min<Nanos>(value, UINT32_MAX));
}

void Arena::meet() noexcept {
  arrived.fetch_add(1);
  while (arrived.load(std::memory_order_acquire) < 2) ::sched_yield();
}

void Arena::await_finish() const noexcept {
  while (finished.load(std::memory_order_acquire) == 0) pause();
}

void Arena::mark() const noexcept {
  if (traced) (void)::syscall(SYS_getppid);
}

ProcessPair::ProcessPair() {
  void* memory = ::mmap(nullptr, sizeof(Arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw errno_error("cannot map memory for the results");
  arena_ = static_cast<Arena*>(memory);
  reset(false);
}

ProcessPair::~ProcessPair() { ::munmap(arena_, sizeof(Arena)); }

void ProcessPair::reset(bool traced) noexcept {
  // The samples are not cleared: their count says which are valid.
  arena_->arrived.store(0);
  arena_->finished.store(0);
  arena_->traced = traced;
  for (Side& side : arena_->side) {
    side.begin = side.end = 0;
    side.cpu_ns = 0;
    side.frames = side.lost = side.late_wakes = side.sleeps = side.sample_count = 0;
    side.error = {};
  }
}

int ProcessPair::start(unsigned index, const Body& body, int group) const {
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid < 0) throw errno_error("cannot fork");
  if (pid == 0) child(index, body, *arena_, group, parent);
  (void)::setpgid(pid, group == 0 ? pid : group);  // also here, so that it is true for both
  return pid;
}

void ProcessPair::fail(unsigned index, int status) const {
  const char* said = arena_->side[index].error.data();
  const char* which = index == 0 ? "first" : "second";
  if (*said != '\0') throw Error(said);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    throw Error(fmt::format("the {} process hung for {} s", which, kHangSeconds));
  throw Error(fmt::format("the {} process ended with status {:#x}", which, static_cast<unsigned>(status)));
}

void ProcessPair::run(const Body& left, const Body& right) {
  reset(false);
  const int first = start(0, left, 0);
  const int second = start(1, right, first);
  std::map<int, unsigned> running{{first, 0U}, {second, 1U}};
  int bad = -1;
  int bad_status = 0;
  while (!running.empty()) {
    int status = 0;
    const int pid = ::waitpid(-first, &status, 0);
    if (pid < 0 && errno == EINTR) continue;
    const auto found = running.find(pid);
    if (found == running.end()) break;
    if (status != 0 && bad < 0) {
      bad = static_cast<int>(found->second);
      bad_status = status;
      for (const auto& [other, index] : running)
        if (other != pid) end_process(other);
    }
    running.erase(found);
  }
  if (bad >= 0) fail(static_cast<unsigned>(bad), bad_status);
}

TraceCount ProcessPair::run_traced(const Body& left, const Body& right) {
  reset(true);
  const int first = start(0, left, 0);
  const int second = start(1, right, first);
  TraceCount count;
  std::map<int, bool> inside{{first, false}, {second, false}};  // of a system call
  bool counting = false;
  int left_status = -1;
  int running = 2;
  while (running > 0) {
    int status = 0;
    const int pid = ::waitpid(-first, &status, __WALL);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      --running;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 3) count.possible = false;
      if (pid == first) {
        left_status = status;
        end_process(second);
      } else if (left_status < 0 && status != 0) {
        end_process(first);
      }
      continue;
    }
    const int signal = WSTOPSIG(status);
    int deliver = 0;
    if (signal == SIGSTOP) {
      ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
    } else if (signal == (SIGTRAP | 0x80)) {
      bool& in = inside[pid];
      in = !in;
      __ptrace_syscall_info info{};
      if (in && pid == first && ::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
          info.entry.nr == SYS_getppid)
        counting = !counting;
      else if (in && counting)
        ++count.calls;
    } else if (signal != SIGTRAP) {  // SIGTRAP: after an exec
      deliver = signal;
    }
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, static_cast<long>(deliver));
  }
  if (count.possible && left_status != 0) fail(*arena_->side[1].error.data() != '\0' ? 1 : 0, left_status);
  return count;
}

unsigned usable_cores() noexcept {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return CPU_COUNT(&allowed) >= 2 ? 2 : 1;
}

std::int64_t cpu_now() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * kSecond + t.tv_nsec;
}

std::uint64_t sleeps_now() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_nvcsw);
}

}  // namespace prot::bench
