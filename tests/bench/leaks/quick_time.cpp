/// Preloaded into a program of prot: its monotonic time runs PROT_QUICK_TIME times as fast as the machine's,
/// and whatever it waits for comes that much sooner. A pure function of the machine's clock: all programs
/// agree without talking. The wall clock, other programs and the network stay as they are.
///
/// In PROT_QUICK_HEAPS, a folder, PID has two numbers: the bytes that the program's heap has given out, as of
/// when it last waited, and how often that was.
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t factor() noexcept {
  static const std::int64_t value = [] {
    const char* const text = std::getenv("PROT_QUICK_TIME");
    return text != nullptr ? std::max(1L, std::strtol(text, nullptr, 10)) : 1L;
  }();
  return value;
}

/// What this file stands before.
template <typename Function>
Function next(const char* name) noexcept {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool runs_quicker(clockid_t clock) noexcept {
  return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE ||
         clock == CLOCK_BOOTTIME;
}

timespec time_of(std::int64_t nanos) noexcept { return {nanos / kSecond, nanos % kSecond}; }
std::int64_t nanos_of(const timespec& time) noexcept { return time.tv_sec * kSecond + time.tv_nsec; }

/// On the machine's clock; what is not zero stays so, for zero means "never" to a timer.
timespec shorter(const timespec& time) noexcept {
  const std::int64_t nanos = nanos_of(time);
  return time_of(nanos > 0 ? std::max<std::int64_t>(1, nanos / factor()) : nanos);
}

struct Heap {
  std::atomic<std::uint64_t> bytes;
  std::atomic<std::uint64_t> looks;
};

Heap* open_heap() noexcept {
  const char* const folder = std::getenv("PROT_QUICK_HEAPS");
  if (folder == nullptr) return nullptr;
  const std::string path = std::string(folder) + "/" + std::to_string(::getpid());
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return nullptr;
  void* const place = ::ftruncate(fd, sizeof(Heap)) == 0
                          ? ::mmap(nullptr, sizeof(Heap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                          : MAP_FAILED;
  ::close(fd);
  return place == MAP_FAILED ? nullptr : static_cast<Heap*>(place);
}

Heap* own_heap = nullptr;

/// Before the program gives up what it does not need; who goes on as a copy of itself has a heap of its own.
__attribute__((constructor)) void begin() noexcept {
  own_heap = open_heap();
  ::pthread_atfork(nullptr, nullptr, [] { own_heap = open_heap(); });
}

void note_heap() noexcept {
  if (own_heap == nullptr) return;
  const struct mallinfo2 info = ::mallinfo2();
  own_heap->bytes.store(info.uordblks + info.hblkhd, std::memory_order_relaxed);
  own_heap->looks.fetch_add(1, std::memory_order_relaxed);
}

int wait_for_files(pollfd* files, nfds_t count, const timespec* time, const sigset_t* mask) noexcept {
  static const auto real = next<decltype(&::ppoll)>("ppoll");
  note_heap();
  if (time == nullptr) return real(files, count, nullptr, mask);
  const timespec less = shorter(*time);
  return real(files, count, &less, mask);
}

int wait_for_files_ms(pollfd* files, nfds_t count, int ms) noexcept {
  const timespec time = time_of(std::max(0, ms) * (kSecond / 1000));
  return wait_for_files(files, count, ms < 0 ? nullptr : &time, nullptr);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto real = next<decltype(&::clock_gettime)>("clock_gettime");
  const int status = real(clock, time);
  if (status == 0 && runs_quicker(clock)) *time = time_of(nanos_of(*time) * factor());
  return status;
}

int clock_nanosleep(clockid_t clock, int flags, const timespec* time, timespec* left) {
  static const auto real = next<decltype(&::clock_nanosleep)>("clock_nanosleep");
  const bool wall = (flags & TIMER_ABSTIME) != 0 && !runs_quicker(clock);
  const timespec less = wall ? *time : shorter(*time);
  return real(clock, flags, &less, left);
}

int nanosleep(const timespec* time, timespec* left) {
  static const auto real = next<decltype(&::nanosleep)>("nanosleep");
  const timespec less = shorter(*time);
  return real(&less, left);
}

int usleep(useconds_t micros) {
  const timespec time = time_of(std::int64_t{micros} * 1000);
  return nanosleep(&time, nullptr);
}

int poll(pollfd* files, nfds_t count, int ms) { return wait_for_files_ms(files, count, ms); }
int __poll_chk(pollfd* files, nfds_t count, int ms, std::size_t /*size*/) {
  return wait_for_files_ms(files, count, ms);
}
int ppoll(pollfd* files, nfds_t count, const timespec* time, const sigset_t* mask) {
  return wait_for_files(files, count, time, mask);
}
int __ppoll_chk(pollfd* files, nfds_t count, const timespec* time, const sigset_t* mask,
                std::size_t /*size*/) {
  return wait_for_files(files, count, time, mask);
}

int epoll_wait(int epoll, epoll_event* events, int most, int ms) {
  static const auto real = next<decltype(&::epoll_wait)>("epoll_wait");
  note_heap();
  return real(epoll, events, most, ms > 0 ? static_cast<int>(std::max<std::int64_t>(1, ms / factor())) : ms);
}

int timerfd_settime(int timer, int flags, const itimerspec* time, itimerspec* before) noexcept {
  static const auto real = next<decltype(&::timerfd_settime)>("timerfd_settime");
  const itimerspec less = {shorter(time->it_interval), shorter(time->it_value)};
  return real(timer, flags, &less, before);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  static const auto real = next<decltype(&::pthread_cond_clockwait)>("pthread_cond_clockwait");
  const timespec less = runs_quicker(clock) ? shorter(*until) : *until;
  return real(condition, mutex, clock, &less);
}
}
