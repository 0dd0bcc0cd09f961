#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"
#include "ipc/layout.hpp"

namespace prot::ipc {

/// One stage's wake-up: a non-blocking eventfd that peers write only when the stage's sleep ticket says that
/// it sleeps. Ticket = seen_lo32 << 32 | number, odd = asleep. The order is the protocol (tests/model):
///   waiter: tickets even -> read the eventfd, if poll told of it -> drain the rings -> ... -> arm all
///   tickets,
///           fresh odd numbers -> (seq_cst) check again that no index differs from the one last seen -> poll
///   waker:  index.store(release) -> full fence -> ticket.load -> odd, not served yet, seen != index: ring
/// Thread-safe: ring() from anywhere.
class Doorbell {
 public:
  Doorbell() = default;
  /// A new eventfd. Throws Error.
  static Doorbell create();
  /// Takes over an inherited descriptor.
  explicit Doorbell(UniqueFd fd) noexcept : fd_(std::move(fd)) {}

  /// Unconditional wake. RT safe (one write that cannot block).
  void ring() const noexcept;
  /// Reads the eventfd empty.
  void clear() const noexcept;
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

 private:
  UniqueFd fd_;
};

/// The waiter's half of one ticket word.
class SleepTicket {
 public:
  SleepTicket() = default;
  /// Goes on from the predecessor's number: one that starts again from 0 loses a wake.
  explicit SleepTicket(Word* word) noexcept;
  void disarm() noexcept;                 // even
  void arm(std::uint64_t seen) noexcept;  // odd, fresh

 private:
  Word* word_ = nullptr;
  std::uint32_t number_ = 0;
};

/// The waker's half: remembers which sleep it has ended, so that each costs one write.
class WakeTicket {
 public:
  WakeTicket() = default;
  explicit WakeTicket(const Word* word) noexcept : word_(word) {}
  /// REQUIRES: the index was stored before (release); the fence is in here. True: the peer sleeps and must be
  /// woken.
  [[nodiscard]] bool should_wake(std::uint64_t index) noexcept;

 private:
  const Word* word_ = nullptr;
  std::uint32_t served_ = 0;
};

}  // namespace prot::ipc
