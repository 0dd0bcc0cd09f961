#include "chat_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"
#include "text/utf8.hpp"

namespace prot::brain {

void ChatServer::start(const std::string& path) {
  path_ = path;
  listener_ = stage::listen_unix(path);
  accepting_ = loop_->watch_readable(listener_.get(), [this] { accept_all(); });
}

void ChatServer::stop() noexcept {
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

void ChatServer::accept_all() {
  for (;;) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    if (clients_.size() >= kMaxClients) {
      log_warn("chat.sock: {} clients are connected, another one is turned away", clients_.size());
      continue;
    }
    const ClientId id = ++last_id_;
    const int fd = socket.get();
    Client& client = clients_[id];
    client.socket = std::move(socket);
    client.readable = loop_->watch_readable(fd, [this, id] { read(id); });
  }
}

void ChatServer::read(ClientId id) {
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

void ChatServer::take_lines(ClientId id, Client& client) {
  std::size_t begin = 0;
  for (std::size_t end = client.in.find('\n'); end != std::string::npos; end = client.in.find('\n', begin)) {
    const std::string_view line = std::string_view(client.in).substr(begin, end - begin);
    begin = end + 1;
    if (std::exchange(client.skipping, false)) continue;
    if (line.find_first_not_of(" \t\r") != std::string::npos) understand(id, line);
  }
  client.in.erase(0, begin);
  if (client.skipping) {
    client.in.clear();
  } else if (client.in.size() > kMaxLine) {
    send_error(id, {}, "the line is longer than 256 KiB and was not read");
    client.skipping = true;
    client.in.clear();
  }
}

void ChatServer::understand(ClientId id, std::string_view line) {
  try {
    const json::Document document = json::parse(line);
    if (!document.root().is_object()) return send_error(id, {}, "a line must be one JSON object");
    const std::string_view type = document.get("type").as_string();
    ChatRequest request;
    request.client = id;
    request.conversation = document.get("conversation").as_string();
    for (const char* member : {"conversation", "content", "id"})
      if (const json::View value = document.get(member); value && !value.is_string())
        return send_error(id, request.conversation, std::string(member) + " must be text");
    request.content = document.get("content").as_string();
    request.id = document.get("id").as_string();
    if (type == "hello") {
      request.kind = ChatRequest::Kind::kHello;
    } else if (type == "message") {
      request.kind = ChatRequest::Kind::kMessage;
    } else if (type == "stop") {
      request.kind = ChatRequest::Kind::kStop;
    } else if (type == "subscribe") {
      request.kind = ChatRequest::Kind::kSubscribe;
    } else if (type == "new_conversation") {
      request.kind = ChatRequest::Kind::kNewConversation;
    } else {
      const std::string shown(text::truncate_utf8(type, 40));
      return send_error(id, request.conversation, "unknown type '" + shown + "'");
    }
    requests_.push_back(std::move(request));
  } catch (const std::exception& error) {
    send_error(id, {}, error.what());
  }
}

std::vector<ChatRequest> ChatServer::take() {
  sweep();
  return std::exchange(requests_, {});
}

void ChatServer::sweep() {
  for (auto it = clients_.begin(); it != clients_.end();) {
    Client& client = it->second;
    if (!client.closing) {
      ++it;
      continue;
    }
    if (client.writable != 0) loop_->unwatch(client.writable);
    loop_->unwatch(client.readable);
    ChatRequest gone;
    gone.client = it->first;
    gone.kind = ChatRequest::Kind::kGone;
    requests_.push_back(std::move(gone));
    it = clients_.erase(it);
  }
}

void ChatServer::send(ClientId id, std::string_view line) {
  const auto it = clients_.find(id);
  if (it == clients_.end() || it->second.closing) return;
  Client& client = it->second;
  client.out.append(line).push_back('\n');
  if (client.writable == 0) flush(id, client);
  if (client.out.size() <= kMaxUnread) return;
  log_warn("chat.sock: a client does not read and is disconnected");
  client.closing = true;
}

void ChatServer::flush(ClientId id, Client& client) {
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

void ChatServer::broadcast(std::string_view line) {
  for (const auto& [id, client] : clients_)
    if (client.subscribed) send(id, line);
}

void ChatServer::subscribe(ClientId id) {
  if (const auto it = clients_.find(id); it != clients_.end()) it->second.subscribed = true;
}

void ChatServer::send_error(ClientId client, std::string_view conversation, std::string_view message) {
  json::Writer out;
  out.begin_object().member("type", "error").member("conversation", conversation);
  send(client, out.member("message", message).end_object().str());
}

}  // namespace prot::brain
