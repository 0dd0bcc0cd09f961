#pragma once

#include <functional>
#include <memory>

#include "base/clock.hpp"

namespace prot::stage {

/// Waits for descriptors and a deadline (Boost.Asio inside). Single-threaded. Callbacks run inside
/// wait()/poll(), level-triggered: a descriptor that is still ready is reported again in the next round.
class EventLoop {
 public:
  using WatchId = int;
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// The descriptor stays the caller's; unwatch before closing it (the watch holds a duplicate). Throws Error
  /// when the system refuses.
  WatchId watch_readable(int fd, std::function<void()> callback);
  WatchId watch_writable(int fd, std::function<void()> callback);
  /// No callback of `id` runs after this, even from inside a callback.
  void unwatch(WatchId id);
  /// Sleeps until a callback ran or `until` (monotonic). True: a callback ran; others may be ready still.
  /// One system call, and one more for each callback.
  bool wait(Nanos until);
  /// Runs what is ready now.
  bool poll();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prot::stage
