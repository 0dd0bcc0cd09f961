#include "base/crash_handler.hpp"

#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PROT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PROT_SANITIZED 1
#endif
#endif
#if !defined(PROT_SANITIZED)
#define PROT_SANITIZED 0
#endif

namespace prot {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr int kMostFrames = 48;
constexpr std::size_t kStackSize = 64 * 1024;

char own_path[PATH_MAX] = "?";
std::atomic<bool> crashing{false};

/// A line put together without the library; what does not fit is left out.
class Line {
 public:
  Line& text(const char* more) noexcept {
    while (*more != '\0' && size_ < sizeof buffer_ - 1) buffer_[size_++] = *more++;
    return *this;
  }
  Line& number(std::uint64_t value, unsigned base = 10) noexcept {
    char digits[24];
    std::size_t count = 0;
    do digits[count++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (count > 0 && size_ < sizeof buffer_ - 1) buffer_[size_++] = digits[--count];
    return *this;
  }
  void write() noexcept {
    buffer_[size_++] = '\n';
    // A full pipe loses the line: nothing may keep a dying process.
    if (::write(STDERR_FILENO, buffer_, size_) < 0) return;
  }

 private:
  char buffer_[PATH_MAX + 64];
  std::size_t size_ = 0;
};

const char* name_of(int signal) noexcept {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

std::uintptr_t instruction_of(const void* context) noexcept {
  const auto* machine = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(machine->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(machine->uc_mcontext.pc);
#else
  (void)machine;
  return 0;
#endif
}

void write_frame(int number, void* address) noexcept {
  Line line;
  line.text("crash: #").number(static_cast<std::uint64_t>(number)).text(" ");
  dl_find_object found{};  // unlike dladdr() it takes no lock
  if (::_dl_find_object(address, &found) == 0 && found.dlfo_link_map != nullptr) {
    const char* path = found.dlfo_link_map->l_name;
    line.text(path != nullptr && path[0] != '\0' ? path : own_path);
    line.text("+0x").number(reinterpret_cast<std::uintptr_t>(address) - found.dlfo_link_map->l_addr, 16);
  } else {
    line.text("?+0x").number(reinterpret_cast<std::uintptr_t>(address), 16);
  }
  line.write();
}

void on_crash(int signal, siginfo_t* info, void* context) noexcept {
  if (!crashing.exchange(true)) {
    Line head;
    head.text("crash: ").text(name_of(signal)).text(" (code ");
    if (info->si_code < 0) head.text("-");
    head.number(static_cast<std::uint64_t>(info->si_code < 0 ? -info->si_code : info->si_code)).text(")");
    if (info->si_code > 0) head.text(" at 0x").number(reinterpret_cast<std::uintptr_t>(info->si_addr), 16);
    head.text(", thread ").number(static_cast<std::uint64_t>(::syscall(SYS_gettid)));
    head.write();
    void* frames[kMostFrames];
    const int count = ::backtrace(frames, kMostFrames);
    int first = 0;  // our own frames and the kernel's trampoline stand before it
    const std::uintptr_t at = instruction_of(context);
    for (int i = 0; i < count; ++i)
      if (reinterpret_cast<std::uintptr_t>(frames[i]) == at) first = i;
    for (int i = first; i < count; ++i) write_frame(i - first, frames[i]);
  } else {  // another thread crashed a moment before: let it speak
    const timespec moment{1, 0};
    ::nanosleep(&moment, nullptr);
  }
  // Blocked while this runs: it is delivered at the return, and then ends the process for good.
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

}  // namespace

void install_crash_handler() noexcept {
  if (PROT_SANITIZED != 0) return;  // a sanitizer has handlers of its own, and tells more
  const ssize_t length = ::readlink("/proc/self/exe", own_path, sizeof own_path - 1);
  if (length > 0) own_path[length] = '\0';
  void* first_use[1];  // loads what the unwinder needs
  if (::backtrace(first_use, 1) == 0) return;
  void* memory =
      ::mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = kStackSize;
  if (::sigaltstack(&stack, nullptr) != 0) return;
  for (const int signal : kSignals) {
    struct sigaction action {};
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (const int other : kSignals) sigaddset(&action.sa_mask, other);  // a crash in here ends it at once
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace prot
