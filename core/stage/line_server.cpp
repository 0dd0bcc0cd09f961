#include "stage/line_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/log.hpp"
#include "stage/control.hpp"

namespace prot::stage {

void LineServer::start(const std::string& path) {
  path_ = path;
  listener_ = listen_unix(path);
  accepting_ = loop_->watch_readable(listener_.get(), [this] { accept_all(); });
}

void LineServer::stop() noexcept {
  for (auto& [id, client] : clients_) {
    if (client.writable != 0) loop_->unwatch(client.writable);
    loop_->unwatch(client.readable);
  }
  clients_.clear();
  if (!listener_) return;
  loop_->unwatch(accepting_);
  listener_.reset();
  ::unlink(path_.c_str());
}

void LineServer::accept_all() {
  for (;;) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    if (clients_.size() >= limits_.clients) {
      log_warn("{}: {} clients are connected, another one is turned away", name_, clients_.size());
      continue;
    }
    const ClientId id = ++last_id_;
    const int fd = socket.get();
    Client& client = clients_[id];
    client.socket = std::move(socket);
    client.readable = loop_->watch_readable(fd, [this, id] { read(id); });
  }
}

void LineServer::read(ClientId id) {
  const auto it = clients_.find(id);
  if (it == clients_.end() || it->second.closing) return;
  Client& client = it->second;
  std::array<char, 16384> buffer;
  // A few buffers a round, so that one client cannot keep the loop; what is left is reported again.
  for (int round = 0; round < 4 && !client.closing; ++round) {
    const ssize_t got = ::read(client.socket.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      client.closing = true;
      return;
    }
    client.in.append(buffer.data(), static_cast<std::size_t>(got));
    take_lines(id, client);
  }
}

void LineServer::take_lines(ClientId id, Client& client) {
  std::size_t begin = 0;
  for (std::size_t end = client.in.find('\n'); end != std::string::npos; end = client.in.find('\n', begin)) {
    const std::string_view line = std::string_view(client.in).substr(begin, end - begin);
    begin = end + 1;
    if (std::exchange(client.skipping, false)) continue;
    if (line.find_first_not_of(" \t\r") != std::string::npos)
      events_.push_back({id, Event::Kind::kLine, std::string(line)});
  }
  client.in.erase(0, begin);
  if (client.skipping) {
    client.in.clear();
  } else if (client.in.size() > limits_.line) {
    events_.push_back({id, Event::Kind::kTooLong, {}});
    client.skipping = true;
    client.in.clear();
  }
}

std::vector<LineServer::Event> LineServer::take() {
  sweep();
  return std::exchange(events_, {});
}

void LineServer::sweep() {
  for (auto it = clients_.begin(); it != clients_.end();) {
    Client& client = it->second;
    if (!client.closing) {
      ++it;
      continue;
    }
    if (client.writable != 0) loop_->unwatch(client.writable);
    loop_->unwatch(client.readable);
    events_.push_back({it->first, Event::Kind::kGone, {}});
    it = clients_.erase(it);
  }
}

void LineServer::send(ClientId id, std::string_view line) {
  const auto it = clients_.find(id);
  if (it == clients_.end() || it->second.closing) return;
  Client& client = it->second;
  client.out.append(line).push_back('\n');
  if (client.writable == 0) flush(id, client);
  if (client.out.size() <= limits_.unread) return;
  log_warn("{}: a client does not read and is disconnected", name_);
  client.closing = true;
}

void LineServer::flush(ClientId id, Client& client) {
  while (!client.out.empty()) {
    const ssize_t sent = ::send(client.socket.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) {
      client.closing = true;
      break;
    }
    if (sent < 0) break;
    client.out.erase(0, static_cast<std::size_t>(sent));
  }
  const bool waits = !client.out.empty() && !client.closing;
  if (waits && client.writable == 0) {
    client.writable = loop_->watch_writable(client.socket.get(), [this, id] {
      if (const auto it = clients_.find(id); it != clients_.end()) flush(id, it->second);
    });
  } else if (!waits && client.writable != 0) {
    loop_->unwatch(std::exchange(client.writable, 0));
  }
}

}  // namespace prot::stage
