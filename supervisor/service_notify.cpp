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

#include "base/log.hpp"

namespace prot::supervisor {
namespace {

// The drain has limits of its own (drain.cpp); the manager only has to see that it goes on.
constexpr Nanos kExtendEvery = kSecond;
constexpr Nanos kExtendBy = 10 * kSecond;

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

void ServiceNotify::send(const std::string& message) {
  if (path_.empty()) return;
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
  if (sent || complained_) return;
  complained_ = true;
  log_warn("the service manager at {} cannot be told: {}", path_, std::strerror(errno));
}

void ServiceNotify::ready() { send("READY=1"); }

void ServiceNotify::reloading(Nanos now) {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now / kMicrosecond));
}

void ServiceNotify::stopping() {
  if (path_.empty()) return;
  send("STOPPING=1");
  extend_at_ = 0;
}

void ServiceNotify::status(std::string_view text) {
  if (path_.empty() || status_ == text) return;
  status_ = text;
  std::replace(status_.begin(), status_.end(), '\n', ' ');
  send("STATUS=" + status_);
}

void ServiceNotify::on_time(Nanos now) {
  if (watchdog_at_ <= now) {
    send("WATCHDOG=1");
    watchdog_at_ = now + watchdog_ / 2;
  }
  if (extend_at_ <= now) {
    send(fmt::format("EXTEND_TIMEOUT_USEC={}", kExtendBy / kMicrosecond));
    extend_at_ = now + kExtendEvery;
  }
}

Nanos ServiceNotify::next_deadline() const noexcept { return std::min(watchdog_at_, extend_at_); }

}  // namespace prot::supervisor
