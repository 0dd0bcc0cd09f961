#include "service_notify.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/log.hpp"

namespace prot::supervisor {
namespace {

// The drain has limits of its own (drain.cpp); the manager only has to see that it goes on.
constexpr Nanos kExtendEvery = kSecond;
constexpr Nanos kExtendBy = 10 * kSecond;
constexpr Nanos kRetryAfter = 50 * kMillisecond;  // a socket is writable before its peer's queue has room

Nanos watchdog_from_environment() {
  const char* limit = std::getenv("WATCHDOG_USEC");
  const char* pid = std::getenv("WATCHDOG_PID");
  if (limit == nullptr || (pid != nullptr && std::atol(pid) != ::getpid())) return 0;
  return std::max(0L, std::atol(limit)) * kMicrosecond;
}

}  // namespace

ServiceNotify::ServiceNotify(std::string socket, Nanos watchdog)
    : path_(std::move(socket)), watchdog_(watchdog) {
  if (path_.empty()) return;
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (watchdog_ > 0) watchdog_at_ = 0;
}

ServiceNotify ServiceNotify::from_environment() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  return {socket != nullptr ? socket : "", watchdog_from_environment()};
}

ServiceNotify::Sent ServiceNotify::send(const std::string& message) {
  if (path_.empty()) return Sent::kDone;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool fits = path_.size() < sizeof address.sun_path;
  std::memcpy(address.sun_path, path_.data(), std::min(path_.size(), sizeof address.sun_path));
  if (path_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  if (!fits) errno = ENAMETOOLONG;
  const bool sent = fits && ::sendto(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL,
                                     reinterpret_cast<const sockaddr*>(&address),
                                     length) == static_cast<ssize_t>(message.size());
  const int error = errno;
  if (sent) {
    complained_ = false;
    return Sent::kDone;
  }
  if (!std::exchange(complained_, true))
    log_warn("the service manager at {} cannot be told: {}", path_, std::strerror(error));
  return error == EAGAIN || error == ENOBUFS || error == EINTR ? Sent::kFull : Sent::kLost;
}

// An older state that still waits is not worth telling any more.
void ServiceNotify::tell(std::string state) {
  if (path_.empty()) return;
  state_waits_ = std::move(state);
  send_waiting();
}

void ServiceNotify::send_waiting() {
  if (!state_waits_.empty() && send(state_waits_) != Sent::kFull) state_waits_.clear();
  if (state_waits_.empty() && status_waits_ && send("STATUS=" + status_) != Sent::kFull)
    status_waits_ = false;
  if (state_waits_.empty() && !status_waits_) {
    retry_at_ = kNever;
  } else if (retry_at_ == kNever) {
    retry_at_ = 0;  // on_time() knows the time
  }
}

void ServiceNotify::ready() { tell("READY=1"); }

void ServiceNotify::reloading(Nanos now) {
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now / kMicrosecond));
}

void ServiceNotify::stopping() {
  if (path_.empty()) return;
  tell("STOPPING=1");
  extend_at_ = 0;
}

void ServiceNotify::status(std::string_view text) {
  if (path_.empty() || status_ == text) return;
  status_ = text;
  std::replace(status_.begin(), status_.end(), '\n', ' ');
  status_waits_ = true;
  send_waiting();
}

void ServiceNotify::on_time(Nanos now) {
  const auto next = [now](Sent sent, Nanos period) {
    return now + (sent == Sent::kFull ? std::min(period, kRetryAfter) : period);
  };
  if (retry_at_ <= now) {
    send_waiting();
    if (retry_at_ != kNever) retry_at_ = now + kRetryAfter;
  }
  if (watchdog_at_ <= now) watchdog_at_ = next(send("WATCHDOG=1"), watchdog_ / 2);
  if (extend_at_ <= now)
    extend_at_ = next(send(fmt::format("EXTEND_TIMEOUT_USEC={}", kExtendBy / kMicrosecond)), kExtendEvery);
}

Nanos ServiceNotify::next_deadline() const noexcept {
  return std::min({watchdog_at_, extend_at_, retry_at_});
}

}  // namespace prot::supervisor
