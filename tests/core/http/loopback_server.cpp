#include "loopback_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <utility>

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

bool Connection::closed_within(int milliseconds) const {
  for (int waited = 0; waited < milliseconds && !stop_; waited += 5) {
    pollfd ready = {.fd = fd_, .events = POLLIN | POLLRDHUP, .revents = 0};
    if (::poll(&ready, 1, 5) <= 0) continue;
    char byte = 0;
    if (::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) return true;
  }
  return false;
}

LoopbackServer::LoopbackServer(Handler handler, const std::string& unix_path)
    : handler_(std::move(handler)), listener_([this](int fd, unsigned) { serve(fd); }, unix_path) {}

void LoopbackServer::serve(int fd) {
  const std::atomic<bool>& stop = listener_.stopping();
  std::string buffer;
  while (!stop) {
    Connection connection(fd, stop);
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
      if (::poll(&ready, 1, 20) == 0 && !stop) continue;
      char block[4096];
      const ssize_t got = stop ? 0 : ::recv(fd, block, sizeof block, 0);
      if (got <= 0) return;
      buffer.append(block, static_cast<std::size_t>(got));
    }
    connection.request = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    if (!handler_(connection)) return;
  }
}
