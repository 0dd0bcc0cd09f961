#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// Tells a service manager how this service goes: sd_notify(3), by hand. Without one ($NOTIFY_SOCKET) it does
/// nothing. Never blocks: while the manager's queue is full, the newest state and status wait for on_time();
/// a manager that is gone is said once and told nothing. Single-threaded. Invariant: WATCHDOG=1 goes out only
/// from on_time(), so a loop that hangs is found by the manager.
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
  /// Called every turn of the loop: what waits, the watchdog's sign of life, and while `stopping()` more time
  /// for the end.
  void on_time(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;

 private:
  enum class Sent { kDone, kFull, kLost };
  Sent send(const std::string& message);
  void tell(std::string state);
  void send_waiting();

  std::string path_;
  UniqueFd socket_;
  Nanos watchdog_;
  Nanos watchdog_at_ = kNever;  // 0: at once
  Nanos extend_at_ = kNever;
  Nanos retry_at_ = kNever;  // while something waits
  std::string state_waits_;
  bool status_waits_ = false;
  std::string status_;
  bool complained_ = false;
};

}  // namespace prot::supervisor
