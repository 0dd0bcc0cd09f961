#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

#include "base/unique_fd.hpp"
#include "loops.hpp"

namespace prot::bench {
namespace {

/// One frame's place, full when the two numbers differ.
struct Slot {
  alignas(128) std::atomic<std::uint64_t> sent{0};
  alignas(128) std::atomic<std::uint64_t> taken{0};
  alignas(128) std::byte data[1];
};

/// The floor: one fixed buffer for a direction and a line for each side, busy; nothing is checked or counted.
class SlotDuplex {
 public:
  explicit SlotDuplex(const Setup& setup)
      : bytes_(setup.bytes),
        patience_(setup.patience),
        slots_{Shared<Slot>(setup.bytes), Shared<Slot>(setup.bytes)} {}
  void open(unsigned end) {
    out_ = &*slots_[end];
    in_ = &*slots_[1 - end];
  }
  void send(const std::byte* frame) noexcept {
    while (out_->taken.load(std::memory_order_acquire) != sent_) pause(patience_);
    std::memcpy(out_->data, frame, bytes_);
    out_->sent.store(++sent_, std::memory_order_release);
  }
  void receive(std::byte* frame) noexcept {
    while (in_->sent.load(std::memory_order_acquire) == taken_) pause(patience_);
    std::memcpy(frame, in_->data, bytes_);
    in_->taken.store(++taken_, std::memory_order_release);
  }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  std::size_t bytes_;
  unsigned patience_;
  Shared<Slot> slots_[2];
  Slot* out_ = nullptr;
  Slot* in_ = nullptr;
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
};

/// Indices of a ring of fixed places.
struct Places {
  alignas(128) std::atomic<std::uint64_t> tail{0};
  alignas(128) std::atomic<std::uint64_t> head{0};
  alignas(128) std::byte data[1];
};

/// What a bare eventfd gives: a ring of fixed places whose sender writes the eventfd for every frame, whether
/// the other sleeps or not, and whose receiver reads it when it finds nothing. A full ring is waited for by
/// yielding: one eventfd knows one direction.
class EventfdDuplex {
 public:
  explicit EventfdDuplex(const Setup& setup)
      : bytes_(setup.bytes),
        places_(kBuffer / setup.bytes),
        rings_{Shared<Places>(kBuffer), Shared<Places>(kBuffer)} {
    for (UniqueFd& fd : fds_) {
      fd = UniqueFd(::eventfd(0, EFD_CLOEXEC));
      if (!fd) throw errno_error("cannot create an eventfd");
    }
  }
  void open(unsigned end) {
    out_ = &*rings_[end];
    in_ = &*rings_[1 - end];
    out_fd_ = fds_[end].get();
    in_fd_ = fds_[1 - end].get();
  }
  void send(const std::byte* frame) {
    while (sent_ - out_->head.load(std::memory_order_acquire) == places_) ::sched_yield();
    std::memcpy(out_->data + (sent_ % places_) * bytes_, frame, bytes_);
    out_->tail.store(++sent_, std::memory_order_release);
    const std::uint64_t one = 1;
    if (::write(out_fd_, &one, sizeof one) != sizeof one) throw errno_error("eventfd");
  }
  void receive(std::byte* frame) {
    std::uint64_t count = 0;
    while (in_->tail.load(std::memory_order_acquire) == taken_)
      if (::read(in_fd_, &count, sizeof count) != sizeof count) throw errno_error("eventfd");
    std::memcpy(frame, in_->data + (taken_ % places_) * bytes_, bytes_);
    in_->head.store(++taken_, std::memory_order_release);
  }
  void fill(Side& side) const noexcept { side.late_wakes = 0; }

 private:
  std::size_t bytes_;
  std::uint64_t places_;
  Shared<Places> rings_[2];
  UniqueFd fds_[2];
  Places* out_ = nullptr;
  Places* in_ = nullptr;
  int out_fd_ = -1;
  int in_fd_ = -1;
  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace

std::unique_ptr<Transport> make_slot(const Setup& setup) {
  return std::make_unique<Loops<SlotDuplex>>(setup);
}
std::unique_ptr<Transport> make_eventfd(const Setup& setup) {
  return std::make_unique<Loops<EventfdDuplex>>(setup);
}

}  // namespace prot::bench
