#include "http/web_socket.hpp"

#include <openssl/ssl.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/log.hpp"
#include "http/socket_session.hpp"

namespace prot::http {
namespace {

namespace asio = boost::asio;
constexpr auto kEndWithin = std::chrono::seconds(2);

}  // namespace

/// What the owner and the worker share. The thread owns it jointly: one that hangs is left behind with it.
class WebSocketClient::Core final : public SessionHost, public std::enable_shared_from_this<Core> {
 public:
  Core(std::function<void()> wake, std::size_t max_queued_bytes)
      : max_queued_bytes_(max_queued_bytes), wake_(std::move(wake)) {}

  /// Signals are the main thread's.
  void run() {
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    std::thread([core = shared_from_this()] { core->work(); }).detach();
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
  }

  void stop() {
    {
      const std::lock_guard lock(wake_mutex_);
      wake_ = nullptr;
    }
    asio::post(io_, [this] {
      for (const auto& [id, session] : sessions_) session->close();
      sessions_.clear();
      guard_.reset();
    });
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kEndWithin, [this] { return has_ended_; }))
      log_warn("a WebSocket's worker does not end; leaving it behind");
  }

  SocketId open(SocketRequest request) {
    SocketId id = 0;
    {
      const std::lock_guard lock(mutex_);
      id = ++last_id_;
      sockets_[id].most_unsent = request.max_unsent_bytes;
    }
    ++live_;
    asio::post(io_, [this, id, asked = std::move(request)]() mutable { begin(id, std::move(asked)); });
    return id;
  }

  bool send(SocketId id, std::string text) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = sockets_.find(id);
      if (found == sockets_.end()) return false;
      Socket& socket = found->second;
      if (socket.unsent > 0 && socket.unsent + text.size() > socket.most_unsent) return false;
      socket.unsent += text.size();
    }
    asio::post(io_, [this, id, message = std::move(text)]() mutable {
      if (const auto found = sessions_.find(id); found != sessions_.end())
        found->second->send(std::move(message));
    });
    return true;
  }

  std::vector<SocketEvent> poll() {
    std::vector<SocketEvent> events;
    {
      const std::lock_guard lock(mutex_);
      events.swap(events_);
      queued_bytes_ = 0;
    }
    resume_waiting();
    return events;
  }

  void close(SocketId id) {
    {
      const std::lock_guard lock(mutex_);
      sockets_.erase(id);
      // Also of one that has ended by itself: what it has left to say is not for an owner that is done with
      // it.
      std::erase_if(events_, [&](const SocketEvent& event) {
        if (event.id != id) return false;
        queued_bytes_ -= std::min(queued_bytes_, event.data.size());
        return true;
      });
    }
    asio::post(io_, [this, id] { remove(id); });
    resume_waiting();
  }

  std::size_t unsent(SocketId id) {
    const std::lock_guard lock(mutex_);
    const auto found = sockets_.find(id);
    return found == sockets_.end() ? 0 : found->second.unsent;
  }

  [[nodiscard]] std::size_t live() const noexcept { return live_.load(); }

  // -- SessionHost, on the worker's thread
  void on_event(SocketEvent event) override {
    event.at = monotonic_now();
    const SocketId id = event.id;
    const bool last = event.kind == SocketEvent::Kind::kClosed || event.kind == SocketEvent::Kind::kError;
    if (last) asio::post(io_, [this, id] { remove(id); });
    {
      const std::lock_guard lock(mutex_);
      if (sockets_.count(id) == 0) return;
      if (last) sockets_.erase(id);
      queued_bytes_ += event.data.size();
      events_.push_back(std::move(event));
    }
    const std::lock_guard lock(wake_mutex_);
    if (wake_) wake_();
  }

  void on_sent(SocketId id, std::size_t bytes) override {
    const std::lock_guard lock(mutex_);
    if (const auto found = sockets_.find(id); found != sockets_.end())
      found->second.unsent -= std::min(found->second.unsent, bytes);
  }

  bool has_room() override {
    const std::lock_guard lock(mutex_);
    if (queued_bytes_ < max_queued_bytes_) return true;
    someone_waits_ = true;
    return false;
  }

 private:
  struct Socket {
    std::size_t unsent = 0;
    std::size_t most_unsent = 0;
  };

  void work() {
    io_.run();
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    changed_.notify_all();
  }

  void resume_waiting() {
    {
      const std::lock_guard lock(mutex_);
      if (!std::exchange(someone_waits_, false)) return;
    }
    asio::post(io_, [this] {
      const auto all = sessions_;
      for (const auto& [id, session] : all) session->resume();
    });
  }

  void begin(SocketId id, SocketRequest request) {
    {
      const std::lock_guard lock(mutex_);
      if (sockets_.count(id) == 0) {  // closed meanwhile
        --live_;
        return;
      }
    }
    try {
      const Url url = parse_url(request.url);
      if (url.is_exposed() && !request.plain_allowed)
        throw UsageError(url.shown() + ": not encrypted, and not on this machine");
      if (url.is_encrypted() && !tls_) make_tls();
      const auto session = make_session(io_, tls_ ? &*tls_ : nullptr, id, url, std::move(request), *this);
      sessions_.emplace(id, session);
      session->start();
    } catch (const std::exception& error) {
      if (sessions_.count(id) == 0) --live_;
      SocketEvent event;
      event.id = id;
      event.message = error.what();
      on_event(std::move(event));
    }
  }

  void make_tls() {
    tls_.emplace(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(tls_->native_handle(), TLS1_2_VERSION);
    tls_->set_default_verify_paths();
  }

  void remove(SocketId id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    found->second->close();
    sessions_.erase(found);
    --live_;
  }

  // Set once.
  const std::size_t max_queued_bytes_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  // The worker thread's.
  std::optional<asio::ssl::context> tls_;
  std::map<SocketId, std::shared_ptr<SocketSession>> sessions_;
  std::atomic<std::size_t> live_ = 0;
  // Held while it is called, so that it is not called when stop() has returned.
  std::mutex wake_mutex_;
  std::function<void()> wake_;
  // Protected by mutex_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<SocketId, Socket> sockets_;  // opened, not closed, not ended
  std::vector<SocketEvent> events_;
  std::size_t queued_bytes_ = 0;
  SocketId last_id_ = 0;
  bool someone_waits_ = false;
  bool has_ended_ = false;
};

WebSocketClient::WebSocketClient(std::function<void()> wake, std::size_t max_queued_bytes)
    : core_(std::make_shared<Core>(std::move(wake), max_queued_bytes)) {
  core_->run();
}
WebSocketClient::~WebSocketClient() { core_->stop(); }
SocketId WebSocketClient::open(SocketRequest request) { return core_->open(std::move(request)); }
bool WebSocketClient::send(SocketId id, std::string text) { return core_->send(id, std::move(text)); }
std::vector<SocketEvent> WebSocketClient::poll() { return core_->poll(); }
void WebSocketClient::close(SocketId id) { core_->close(id); }
std::size_t WebSocketClient::unsent(SocketId id) const { return core_->unsent(id); }
std::size_t WebSocketClient::live_sockets() const noexcept { return core_->live(); }

}  // namespace prot::http
