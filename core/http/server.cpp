#include "http/server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "http/server_peer.hpp"
#include "http/server_session.hpp"

namespace prot::http {
namespace {

namespace asio = boost::asio;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptAgain{100};  // after an error: no descriptors, say
constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

}  // namespace

struct Server::Impl final : ServerHost {
  struct Listener {
    Acceptor acceptor;
    asio::steady_timer again;
    bool by_name;
  };

  Impl(ServerLimits limits, AccessRules rules, std::function<void()> wake_owner)
      : limits_(limits), admission_(std::move(rules), clock_), wake(std::move(wake_owner)) {}

  void on_event(ServerEvent event) override {
    {
      const std::lock_guard lock(mutex);
      events.push_back(std::move(event));
    }
    wake();
  }
  void on_end(ConnectionId id) override {
    sessions.erase(id);
    count.store(sessions.size(), std::memory_order_relaxed);
  }
  void count_refusal() noexcept override { refused.fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] Admission& admission() noexcept override { return admission_; }
  [[nodiscard]] const ServerLimits& limits() const noexcept override { return limits_; }

  void accept(Listener& listener) {
    listener.acceptor.async_accept([this, &listener](error_code error, Protocol::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        listener.again.expires_after(kAcceptAgain);
        listener.again.async_wait([this, &listener](error_code stopped) {
          if (!stopped) accept(listener);
        });
        return;
      }
      take_in(std::move(socket), listener.by_name);
      accept(listener);
    });
  }

  void take_in(Protocol::socket socket, bool by_name) {
    error_code error;
    const Protocol::endpoint place = socket.remote_endpoint(error);
    const int fd = socket.native_handle();
    const ConnectionId id = ++last_id;
    const auto session =
        make_server_session(std::move(socket), id, error ? "?" : address_text(*place.data()), by_name, *this);
    if (sessions.size() >= limits_.connections && !make_room_for(*session)) {
      count_refusal();
      // Best effort: whoever is turned away is not waited for.
      static_cast<void>(::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
      return;
    }
    sessions.emplace(id, session);
    count.store(sessions.size(), std::memory_order_relaxed);
    session->start();
  }

  /// Ends the oldest connection without a request in hand, of whoever has most of them: nobody is kept out
  /// by somebody else's. False: there is none.
  [[nodiscard]] bool make_room_for(ServerSession& comer) {
    struct Crowd {
      std::size_t size = 0;
      std::shared_ptr<ServerSession> oldest;
    };
    std::map<std::string, Crowd> crowds;
    for (const auto& [id, session] : sessions) {
      if (!session->gives_way()) continue;
      Crowd& crowd = crowds[session->who()];
      if (crowd.size++ == 0) crowd.oldest = session;
    }
    if (const auto own = crowds.find(comer.who()); own != crowds.end()) ++own->second.size;
    const auto largest = std::max_element(crowds.begin(), crowds.end(), [](const auto& a, const auto& b) {
      return a.second.size < b.second.size;
    });
    if (largest == crowds.end()) return false;
    count_refusal();
    largest->second.oldest->end();
    return true;
  }

  /// Held by who calls it: it may end itself. nullptr: it has ended.
  std::shared_ptr<ServerSession> find(ConnectionId id) {
    const auto it = sessions.find(id);
    return it != sessions.end() ? it->second : nullptr;
  }

  template <typename Function>
  void with(ConnectionId id, Function function) {
    asio::post(io, [this, id, function = std::move(function)]() mutable {
      if (const std::shared_ptr<ServerSession> session = find(id)) function(*session);
    });
  }

  /// As with(), of what ends with kGone: one that has ended, or had its answer, is gone at once.
  template <typename Function>
  void begin(ConnectionId id, Function function) {
    asio::post(io, [this, id, function = std::move(function)]() mutable {
      if (const std::shared_ptr<ServerSession> session = find(id); session && function(*session)) return;
      ServerEvent gone;
      gone.kind = ServerEvent::Kind::kGone;
      gone.id = id;
      on_event(std::move(gone));
    });
  }

  void run() {
    for (;;) {
      try {
        io.run();
        return;
      } catch (const std::exception& error) {  // of one session; the others go on
        log_error("http server: {}", full_message(error));
      }
    }
  }

  const SteadyClock clock_;
  const ServerLimits limits_;
  Admission admission_;  // worker's thread
  std::function<void()> wake;
  std::mutex mutex;
  std::vector<ServerEvent> events;
  std::atomic<std::size_t> count = 0;
  std::atomic<std::uint64_t> refused = 0;
  ConnectionId last_id = 0;
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::list<Listener> listeners;                                    // worker's thread
  std::map<ConnectionId, std::shared_ptr<ServerSession>> sessions;  // worker's thread
  std::thread worker;
};

Server::Server(ServerLimits limits, AccessRules rules, std::function<void()> wake)
    : impl_(std::make_unique<Impl>(limits, std::move(rules), std::move(wake))) {
  impl_->worker = std::thread([impl = impl_.get()] { impl->run(); });
}

Server::~Server() {
  impl_->io.stop();
  impl_->worker.join();
}

void Server::add_listener(UniqueFd socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
    throw errno_error("getsockname");
  const int family = name.ss_family;
  asio::post(impl_->io, [impl = impl_.get(), family, fd = std::make_shared<UniqueFd>(std::move(socket))] {
    Impl::Listener& listener = impl->listeners.emplace_back(
        Impl::Listener{Acceptor(impl->io), asio::steady_timer(impl->io), family != AF_UNIX});
    listener.acceptor.assign(Protocol(family, 0), fd->release());
    impl->accept(listener);
  });
}

std::vector<ServerEvent> Server::take() {
  std::vector<ServerEvent> taken;
  {
    const std::lock_guard lock(impl_->mutex);
    taken.swap(impl_->events);
  }
  for (const ServerEvent& event : taken)
    if (event.kind == ServerEvent::Kind::kMessage)
      impl_->with(event.id, [](ServerSession& session) { session.resume(); });
  return taken;
}

void Server::respond(ConnectionId id, ServerResponse response) {
  impl_->with(id, [response = std::move(response)](ServerSession& session) mutable {
    session.respond(std::move(response));
  });
}

void Server::start_events(ConnectionId id, std::string first) {
  impl_->begin(id, [first = std::move(first)](ServerSession& session) mutable {
    return session.start_events(std::move(first));
  });
}

void Server::accept_socket(ConnectionId id) {
  impl_->begin(id, [](ServerSession& session) { return session.accept_socket(); });
}

void Server::send(ConnectionId id, std::string text) {
  impl_->with(id,
              [text = std::move(text)](ServerSession& session) mutable { session.send(std::move(text)); });
}

void Server::close(ConnectionId id, int code) {
  impl_->with(id, [code](ServerSession& session) { session.close(code); });
}

std::size_t Server::connections() const noexcept { return impl_->count.load(std::memory_order_relaxed); }
std::uint64_t Server::refused() const noexcept { return impl_->refused.load(std::memory_order_relaxed); }

}  // namespace prot::http
