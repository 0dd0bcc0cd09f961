#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "http/web_socket.hpp"
#include "support/web_socket_server.hpp"

/// What tests of WebSockets have in common.
namespace prot::http {

using Kind = SocketEvent::Kind;
using test::Opcode;
using test::WebSocketPeer;
using test::WebSocketServer;

/// An owner's loop: waits for the wake-up, then polls.
class Owner {
 public:
  explicit Owner(std::size_t max_queued_bytes = 8U << 20U)
      : client(
            [this] {
              const std::lock_guard lock(mutex_);
              woken_ = true;
              changed_.notify_all();
            },
            max_queued_bytes) {}

  SocketEvent next(int milliseconds = 10'000) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (events_.empty()) {
      for (SocketEvent& event : client.poll()) events_.push_back(std::move(event));
      if (!events_.empty()) break;
      std::unique_lock lock(mutex_);
      if (!changed_.wait_until(lock, until, [this] { return woken_; })) {
        FAIL("no event");
        return {};
      }
      woken_ = false;
    }
    SocketEvent event = std::move(events_.front());
    events_.erase(events_.begin());
    return event;
  }
  bool no_sockets_within(int milliseconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    while (client.live_sockets() > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return client.live_sockets() == 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::vector<SocketEvent> events_;

 public:
  WebSocketClient client;
};

inline SocketRequest to(const WebSocketServer& server, std::string_view path = "/") {
  SocketRequest request;
  request.url = server.url(path);
  request.headers = {{"xi-api-key", "sk-secret-key"}};
  return request;
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::size_t descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace prot::http
