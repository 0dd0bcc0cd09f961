#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "http/listener.hpp"
#include "http/server.hpp"
#include "raw_client.hpp"

/// What tests of the server have in common.
namespace prot::http {

/// A server on any port of loopback, and an owner's loop on a thread of its own. It answers /hello, /echo
/// (the body), /events, /socket (an echo; "bye": closed with 4000); nobody answers /never.
class ServedLoop {
 public:
  explicit ServedLoop(ServerLimits limits = {}, AccessRules rules = {},
                      const std::string& address = "127.0.0.1")
      : server_(limits, std::move(rules), [this] { wake(); }) {
    UniqueFd socket = listen_tcp(address, 0);
    port_ = port_of(socket.get());
    server_.add_listener(std::move(socket));
    thread_ = std::thread([this] { run(); });
  }
  ~ServedLoop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  ServedLoop(const ServedLoop&) = delete;
  ServedLoop& operator=(const ServedLoop&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::size_t connections() const { return server_.connections(); }
  [[nodiscard]] std::uint64_t refused() const { return server_.refused(); }
  void send(ConnectionId id, std::string text) { server_.send(id, std::move(text)); }
  void start_events(ConnectionId id) { server_.start_events(id, "data: late\n\n"); }
  void accept_socket(ConnectionId id) { server_.accept_socket(id); }

  /// The n-th event of a kind, once it is there.
  ServerEvent wait_for(ServerEvent::Kind kind, std::size_t n = 0) {
    std::unique_lock lock(mutex_);
    ServerEvent found;
    const bool there = changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      std::size_t seen = 0;
      for (const ServerEvent& event : events_)
        if (event.kind == kind && seen++ == n) {
          found = event;
          return true;
        }
      return false;
    });
    REQUIRE(there);
    return found;
  }
  [[nodiscard]] std::size_t count(ServerEvent::Kind kind) {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(events_.begin(), events_.end(), [kind](const auto& e) { return e.kind == kind; }));
  }
  [[nodiscard]] bool connections_become(std::size_t wanted) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (server_.connections() != wanted && std::chrono::steady_clock::now() < until)
      std::this_thread::yield();
    return server_.connections() == wanted;
  }

 private:
  void wake() {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_all();
  }

  void run() {
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return woken_ || stopping_; });
        if (stopping_) return;
        woken_ = false;
      }
      for (const ServerEvent& event : server_.take()) {
        {
          const std::lock_guard lock(mutex_);
          events_.push_back(event);  // who has the answer finds it counted
        }
        answer(event);
      }
      changed_.notify_all();
    }
  }

  void answer(const ServerEvent& event) {
    if (event.kind == ServerEvent::Kind::kMessage) {
      server_.send(event.id, "echo " + event.data);
      if (event.data == "bye") server_.close(event.id, 4000);
    } else if (event.kind == ServerEvent::Kind::kRequest) {
      if (event.path == "/hello") server_.respond(event.id, {200, "text/plain", "hello", {}});
      if (event.path == "/echo") server_.respond(event.id, {200, "text/plain", event.data, {}});
      if (event.path == "/events") server_.start_events(event.id, "data: first\n\n");
      if (event.path == "/socket") server_.accept_socket(event.id);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::vector<ServerEvent> events_;
  Server server_;
  int port_ = 0;
  std::thread thread_;
};

/// One request on a connection of its own: the whole answer.
inline std::string ask(const ServedLoop& served, std::string_view head, std::string_view body = {}) {
  RawClient client(served.port());
  client.write(std::string(head) + "Connection: close\r\n\r\n" + std::string(body));
  return client.read_all();
}
inline std::string get(const ServedLoop& served, std::string_view target, std::string_view headers = {}) {
  return ask(served, "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + served.host() + "\r\n" +
                         std::string(headers));
}
inline bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace prot::http
