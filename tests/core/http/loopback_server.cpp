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
  return end_.wait_for(fd_, POLLRDHUP, milliseconds) || prot::test::client_left(fd_);
}

LoopbackServer::LoopbackServer(Handler handler, const std::string& unix_path)
    : handler_(std::move(handler)), listener_([this](int fd, unsigned) { serve(fd); }, unix_path) {}

void LoopbackServer::serve(int fd) {
  std::string buffer;
  while (!listener_.end()) {
    Connection connection(fd, listener_.end());
    std::size_t wanted = std::string::npos;
    while (buffer.size() < wanted) {
      if (wanted == std::string::npos) {
        if (const std::size_t end = buffer.find("\r\n\r\n"); end != std::string::npos) {
          const std::size_t length = buffer.find("Content-Length: ");
          wanted = end + 4 + (length < end ? std::stoul(buffer.substr(length + 16)) : 0);
          continue;
        }
      }
      if (!listener_.end().wait_for(fd, POLLIN, -1)) return;
      char block[4096];
      const ssize_t got = ::recv(fd, block, sizeof block, 0);
      if (got <= 0) return;
      buffer.append(block, static_cast<std::size_t>(got));
    }
    connection.request = buffer.substr(0, wanted);
    buffer.erase(0, wanted);
    if (!handler_(connection)) return;
  }
}
