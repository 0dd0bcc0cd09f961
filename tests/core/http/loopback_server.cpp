#include "loopback_server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>

#include "base/error.hpp"

void Connection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void Connection::send_slowly(std::string_view bytes, std::size_t piece) const {
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    send(bytes.substr(at, piece));
    hold(1);
  }
}

void Connection::answer(std::string_view status, std::string_view headers, std::string_view body) const {
  send("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
}

void Connection::reset() const {
  const linger now = {.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool Connection::closed_within(int milliseconds) const {
  for (int waited = 0; waited < milliseconds && !stop_; waited += 5) {
    pollfd ready = {.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
    if (::poll(&ready, 1, 5) <= 0) continue;
    char byte = 0;
    if (::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return true;
  }
  return false;
}

void Connection::hold(int milliseconds) const {
  for (int waited = 0; waited < milliseconds && !stop_; ++waited)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

LoopbackServer::LoopbackServer(Handler handler, const std::string& unix_path)
    : handler_(std::move(handler)), unix_path_(unix_path) {
  if (unix_path.empty()) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0)
      throw prot::errno_error("bind");
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  } else {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, unix_path.c_str(), sizeof address.sun_path - 1);
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw prot::errno_error("bind");
  }
  ::listen(listener_.get(), 16);
  accepter_ = std::thread([this] { accept_loop(); });
}

LoopbackServer::~LoopbackServer() {
  stop_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepter_.join();
  for (std::thread& thread : threads_) thread.join();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

std::string LoopbackServer::url(std::string_view path) const {
  return (unix_path_.empty() ? "http://127.0.0.1:" + std::to_string(port_) : "http://localhost") +
         std::string(path);
}

void LoopbackServer::accept_loop() {
  while (!stop_) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void LoopbackServer::serve(int fd) {
  const prot::UniqueFd owner(fd);
  std::string buffer;
  while (!stop_) {
    Connection connection(fd, stop_);
    std::size_t wanted = std::string::npos;
    while (buffer.size() < wanted) {
      if (wanted == std::string::npos) {
        if (const std::size_t end = buffer.find("\r\n\r\n"); end != std::string::npos) {
          const std::size_t length = buffer.find("Content-Length: ");
          wanted = end + 4 + (length < end ? std::stoul(buffer.substr(length + 16)) : 0);
          continue;
        }
      }
      pollfd ready = {.fd = fd, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, 20) == 0 && !stop_) continue;
      char block[4096];
      const ssize_t got = stop_ ? 0 : ::recv(fd, block, sizeof block, 0);
      if (got <= 0) return;
      buffer.append(block, static_cast<std::size_t>(got));
    }
    connection.request = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    if (!handler_(connection)) return;
  }
}
