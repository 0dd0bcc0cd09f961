#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// Tells a service manager how this service goes: sd_notify(3), by hand. Without one ($NOTIFY_SOCKET) it does
/// nothing. Never blocks: what the manager does not take at once is dropped, and said once. Single-threaded.
/// Invariant: WATCHDOG=1 goes out only from on_time(), so a loop that hangs is found by the manager.
class ServiceNotify {
 public:
  /// `socket`: "/path" or "@abstract", "" for none. `watchdog`: the manager's limit; 0: it sets none.
  ServiceNotify(std::string socket, Nanos watchdog);
  /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  [[nodiscard]] static ServiceNotify from_environment();

  void ready();
  void reloading(Nanos now);  // ready() ends it
  void stopping();
  /// One line for `systemctl status`; sent when it is another one than before.
  void status(std::string_view text);
  /// Called every turn of the loop: the watchdog's sign of life, and while `stopping()` more time for the
  /// end.
  void on_time(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;

 private:
  void send(const std::string& message);

  std::string path_;
  UniqueFd socket_;
  Nanos watchdog_;
  Nanos watchdog_at_ = kNever;  // 0: at once
  Nanos extend_at_ = kNever;
  std::string status_;
  bool complained_ = false;
};

}  // namespace prot::supervisor
