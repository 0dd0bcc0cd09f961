#include "wyoming_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hpp"

namespace prot::test {

bool WyomingPeer::fill(int milliseconds) {
  if (gone_ || !end_.wait_for(fd_, POLLIN, milliseconds)) return false;
  std::array<char, 16'384> block;
  const ssize_t got = ::recv(fd_, block.data(), block.size(), 0);
  gone_ = got <= 0;
  if (!gone_) reader_.push({block.data(), static_cast<std::size_t>(got)});
  return !gone_;
}

std::optional<wyoming::Event> WyomingPeer::receive(int milliseconds) {
  const Nanos until = monotonic_now() + milliseconds * kMillisecond;
  for (;;) {
    if (std::optional<wyoming::Event> event = reader_.next()) return event;
    const Nanos left = until - monotonic_now();
    if (left < 0 || !fill(static_cast<int>(left / kMillisecond))) return std::nullopt;
  }
}

std::optional<wyoming::Event> WyomingPeer::receive(std::string_view type) {
  while (std::optional<wyoming::Event> event = receive())
    if (event->type == type) return event;
  return std::nullopt;
}

void WyomingPeer::send_raw(std::string_view bytes) {
  while (!bytes.empty() && !gone_) {
    const std::size_t size = split ? std::min<std::size_t>(bytes.size(), 1 + random_() % 7) : bytes.size();
    const ssize_t sent = ::send(fd_, bytes.data(), size, MSG_NOSIGNAL);
    gone_ = sent <= 0;
    if (!gone_) bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

bool WyomingPeer::closed_within(int milliseconds) {
  const Nanos until = monotonic_now() + milliseconds * kMillisecond;
  for (Nanos left = until - monotonic_now(); left >= 0 && !gone_ && !end_; left = until - monotonic_now())
    (void)fill(static_cast<int>(left / kMillisecond));
  return gone_ || client_left(fd_);
}

WyomingServer::WyomingServer(Handler handler)
    : handler_(std::move(handler)), listener_([this](int fd, unsigned number) {
        WyomingPeer peer(fd, listener_.end(), number);
        handler_(peer);
      }) {}

}  // namespace prot::test
