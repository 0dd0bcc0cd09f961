#include "ipc/doorbell.hpp"

#include <sys/eventfd.h>

#include "base/error.hpp"

namespace prot::ipc {
namespace {

/// No load behind it is done before the stores in front of it are seen by all.
void full_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
  // That sanitizer refuses fences; this instruction does the same on the machines it runs on.
  static std::atomic<int> word{0};
  word.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace

Doorbell Doorbell::create() {
  UniqueFd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!fd) throw errno_error("cannot create an eventfd");
  return Doorbell(std::move(fd));
}

void Doorbell::ring() const noexcept {
  if (!fd_) return;
  const std::uint64_t one = 1;
  // The only failure is a counter at its limit, and that one wakes as well.
  [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
}

void Doorbell::clear() const noexcept {
  if (!fd_) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);  // EAGAIN: nobody rang
}

SleepTicket::SleepTicket(Word* word) noexcept
    : word_(word), number_(static_cast<std::uint32_t>(word->load(std::memory_order_relaxed))) {
  disarm();
}

void SleepTicket::disarm() noexcept {
  if ((number_ & 1U) == 0) return;
  ++number_;
  // Seq_cst although a late view of it costs only a needless wake: the model has it so, and it is not the hot
  // path.
  word_->store(number_, std::memory_order_seq_cst);
}

void SleepTicket::arm(std::uint64_t seen) noexcept {
  number_ = (number_ + 1U) | 1U;
  word_->store((seen << 32U) | number_, std::memory_order_seq_cst);
}

bool WakeTicket::should_wake(std::uint64_t index) noexcept {
  full_fence();
  const std::uint64_t ticket = word_->load(std::memory_order_seq_cst);
  const auto number = static_cast<std::uint32_t>(ticket);
  if ((number & 1U) == 0 || number == served_) return false;
  if (static_cast<std::uint32_t>(ticket >> 32U) == static_cast<std::uint32_t>(index)) return false;
  served_ = number;
  return true;
}

}  // namespace prot::ipc
