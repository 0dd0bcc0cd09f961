#include "loopback_listener.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace prot::test {

ServerEnd::ServerEnd() : event_(::eventfd(0, EFD_CLOEXEC)) {
  if (!event_) throw errno_error("eventfd");
}

void ServerEnd::tell() noexcept {
  told_ = true;
  (void)::eventfd_write(event_.get(), 1);  // it stays readable: nobody takes it
}

void ServerEnd::wait(int milliseconds) const {
  pollfd end = {.fd = event_.get(), .events = POLLIN, .revents = 0};
  (void)::poll(&end, 1, milliseconds);
}

bool ServerEnd::wait_for(int fd, short events, int milliseconds) const {
  pollfd ready[] = {{.fd = fd, .events = events, .revents = 0},
                    {.fd = event_.get(), .events = POLLIN, .revents = 0}};
  int found = 0;
  do found = ::poll(ready, 2, milliseconds);
  while (found < 0 && errno == EINTR);
  return found > 0 && ready[0].revents != 0 && !told_;
}

LoopbackListener::LoopbackListener(Serve serve, const std::string& unix_path)
    : serve_(std::move(serve)), unix_path_(unix_path) {
  if (unix_path.empty())
    listen_on_port();
  else
    listen_on(unix_path);
  if (::listen(listener_.get(), 64) != 0) throw errno_error("listen");
  accepter_ = std::thread([this] { accept_loop(); });
}

LoopbackListener::~LoopbackListener() {
  end_.tell();
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepter_.join();
  for (std::thread& thread : threads_) thread.join();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

void LoopbackListener::listen_on_port() {
  listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) throw errno_error("bind");
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

void LoopbackListener::listen_on(const std::string& unix_path) {
  listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw errno_error("bind");
}

std::string LoopbackListener::authority() const {
  return unix_path_.empty() ? "127.0.0.1:" + std::to_string(port_) : "localhost";
}

void LoopbackListener::accept_loop() {
  while (!end_) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const auto number = static_cast<unsigned>(++connections_);
    threads_.emplace_back([this, fd, number] {
      const UniqueFd owner(fd);
      serve_(fd, number);
    });
  }
}

bool client_left(int fd) {
  pollfd left = {.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&left, 1, 0) > 0;
}

void reset_at_close(int fd) {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace prot::test
