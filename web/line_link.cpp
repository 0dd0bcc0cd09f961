#include "line_link.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "stage/control.hpp"

namespace prot::web {

UniqueFd connect_unix_now(const std::string& path) noexcept {
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  if (path.size() >= sizeof place.sun_path) return {};
  std::memcpy(place.sun_path, path.c_str(), path.size() + 1);
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A full queue of somebody who hangs is EAGAIN: it is as good as away.
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place) != 0 ||
      !stage::is_own_peer(socket.get()))
    return {};
  return socket;
}

bool LineLink::connect() {
  close();
  socket_ = connect_unix_now(path_);
  if (!socket_) return false;
  readable_ = loop_->watch_readable(socket_.get(), [this] { read(); });
  return true;
}

void LineLink::close() noexcept {
  if (readable_ != 0) loop_->unwatch(std::exchange(readable_, 0));
  if (writable_ != 0) loop_->unwatch(std::exchange(writable_, 0));
  socket_.reset();
  in_.clear();
  out_.clear();
}

void LineLink::send(std::string_view line) {
  if (!socket_) return;
  out_.append(line).push_back('\n');
  if (writable_ == 0) flush();
  if (out_.size() > kMostUnsent) close();
}

void LineLink::read() {
  std::array<char, 16384> buffer;
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close();
  in_.append(buffer.data(), static_cast<std::size_t>(got));
  std::size_t begin = 0;
  for (std::size_t end = in_.find('\n'); end != std::string::npos; end = in_.find('\n', begin)) {
    lines_.push_back(in_.substr(begin, end - begin));
    begin = end + 1;
  }
  in_.erase(0, begin);
  if (in_.size() > kLongestLine) close();
}

void LineLink::flush() {
  while (!out_.empty()) {
    const ssize_t sent = ::send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return close();
    if (sent < 0) break;
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  if (!out_.empty() && writable_ == 0)
    writable_ = loop_->watch_writable(socket_.get(), [this] { flush(); });
  else if (out_.empty() && writable_ != 0)
    loop_->unwatch(std::exchange(writable_, 0));
}

}  // namespace prot::web
