#include "control_server.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {
constexpr std::size_t kMostOutput = 1024 * 1024;
constexpr std::size_t kMostConnections = 64;
constexpr Nanos kLastMoment = 200 * kMillisecond;
}  // namespace

ControlServer::Connection::Connection(ControlServer& server, UniqueFd socket, pid_t peer)
    : server_(&server), socket_(std::move(socket)), peer_(peer) {}

void ControlServer::Connection::send(std::string_view json, const std::vector<int>& fds) {
  if (!socket_) return;
  if (!fds.empty()) {
    try {
      stage::send_message(socket_.get(), json, fds);
    } catch (const Error& e) {
      log_warn("control client: {}", e.what());
      cut_off();
    }
    return;
  }
  const auto length = static_cast<std::uint32_t>(json.size());
  output_.append(reinterpret_cast<const char*>(&length), sizeof length);
  output_.append(json);
  if (output_.size() > kMostOutput) return cut_off();
  flush();
}

void ControlServer::Connection::send_error(const std::string& message, int code) {
  json::Writer reply;
  reply.begin_object().member("error", message).member("code", code).end_object();
  send(reply.str());
}

void ControlServer::Connection::on_close(std::function<void()> callback) {
  if (on_close_ && callback) throw UsageError("this connection holds a stage already");
  on_close_ = std::move(callback);
  if (on_close_ && closed()) server_->cut_off_.push_back(shared_from_this());
}

void ControlServer::Connection::finish() {
  finishing_ = true;
  flush();
}

void ControlServer::Connection::flush() {
  if (!socket_) return;
  while (!output_.empty()) {
    const ssize_t n = ::send(socket_.get(), output_.data(), output_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return cut_off();
    if (n < 0) break;
    output_.erase(0, static_cast<std::size_t>(n));
  }
  if (!output_.empty() && write_watch_ == 0) {
    write_watch_ = server_->loop_->watch_writable(socket_.get(), [this] { flush(); });
  } else if (output_.empty() && write_watch_ != 0) {
    server_->loop_->unwatch(write_watch_);
    write_watch_ = 0;
  }
  if (output_.empty() && finishing_) cut_off();
}

void ControlServer::Connection::close() {
  const auto self = shared_from_this();
  cut_off();
  tell_end();
}

// Whoever sends is in the middle of something, and reads on in what on_close() would take away.
void ControlServer::Connection::cut_off() {
  if (!socket_) return;
  const auto self = shared_from_this();  // the map may hold the last reference
  if (read_watch_ != 0) server_->loop_->unwatch(read_watch_);
  if (write_watch_ != 0) server_->loop_->unwatch(write_watch_);
  read_watch_ = write_watch_ = 0;
  socket_.reset();
  server_->connections_.erase(this);
  if (on_close_) server_->cut_off_.push_back(self);
}

void ControlServer::Connection::tell_end() {
  if (on_close_) std::exchange(on_close_, nullptr)();
}

void ControlServer::Connection::read() {
  const auto self = shared_from_this();
  std::array<char, 4096> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return close();
  input_.append(buffer.data(), static_cast<std::size_t>(n));
  while (socket_ && input_.size() >= sizeof(std::uint32_t)) {
    std::uint32_t length = 0;
    std::memcpy(&length, input_.data(), sizeof length);
    if (length > stage::kMaxControlMessage) {
      send_error("message too large", 2);
      return finish();
    }
    if (input_.size() < sizeof length + length) return;
    const std::string request = input_.substr(sizeof length, length);
    input_.erase(0, sizeof length + length);
    if (!refusal_.empty()) {  // answered only now: a client reads when it has asked
      send_error(refusal_, 1);
      return finish();
    }
    server_->handler_(self, request);
  }
}

ControlServer::ControlServer(const std::string& path, stage::EventLoop& loop, Handler handler)
    : path_(path), loop_(&loop), handler_(std::move(handler)), listener_(stage::listen_unix(path)) {
  watch_ = loop_->watch_readable(listener_.get(), [this] { accept_all(); });
}

ControlServer::~ControlServer() {
  stop_listening();
  while (!connections_.empty()) {
    const auto connection = connections_.begin()->second;
    connection->on_close_ = nullptr;
    connection->close();
  }
}

// Clients that ask for nothing must not lock the others out: the oldest of them goes.
bool ControlServer::make_room() {
  if (connections_.size() < kMostConnections) return true;
  if (!std::exchange(crowded_, true))
    log_warn("more than {} control clients: who asks for nothing is sent away", kMostConnections);
  std::shared_ptr<Connection> oldest;
  for (const auto& [raw, connection] : connections_) {
    // Held by this map alone: nothing is waited for, nothing is to be told.
    const bool idle = connection.use_count() == 1 && !connection->follows && !connection->on_close_ &&
                      connection->output_.empty();
    if (idle && (oldest == nullptr || connection->number_ < oldest->number_)) oldest = connection;
  }
  if (oldest != nullptr) oldest->close();
  return oldest != nullptr;
}

void ControlServer::accept_all() {
  for (;;) {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) continue;
    if (!make_room() && connections_.size() >= 2 * kMostConnections) continue;
    auto connection = std::make_shared<Connection>(*this, std::move(socket), peer.pid);
    if (peer.uid != ::geteuid() && peer.uid != 0)
      connection->refusal_ = fmt::format("this instance belongs to user {}: user {} has no business here",
                                         ::geteuid(), peer.uid);
    else if (connections_.size() >= kMostConnections)
      connection->refusal_ = "too many clients wait for this instance already";
    connection->number_ = ++accepted_;
    auto* raw = connection.get();
    try {
      raw->read_watch_ = loop_->watch_readable(raw->socket_.get(), [raw] { raw->read(); });
    } catch (const Error& e) {  // out of descriptors: this client has to come again
      log_warn("control client: {}", e.what());
      continue;
    }
    connections_.emplace(raw, std::move(connection));
  }
}

void ControlServer::settle() {
  for (const auto& connection : std::exchange(cut_off_, {})) connection->tell_end();
}

void ControlServer::spread_line(const std::string& program, const std::string& json) {
  const auto copy = connections_;  // a slow client is closed on the way
  for (const auto& [raw, connection] : copy) {
    if (!connection->follows || (!connection->followed.empty() && connection->followed != program)) continue;
    connection->send(json);
  }
}

void ControlServer::stop_listening() noexcept {
  if (watch_ == 0) return;
  loop_->unwatch(watch_);
  watch_ = 0;
  listener_.reset();
  ::unlink(path_.c_str());
}

void ControlServer::drain_connections() {
  const auto copy = connections_;
  for (const auto& [raw, connection] : copy) connection->finish();
  const Nanos until = monotonic_now() + kLastMoment;
  while (!connections_.empty() && monotonic_now() < until) loop_->wait(until);
}

}  // namespace prot::supervisor
