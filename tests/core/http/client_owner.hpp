#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "http/client.hpp"
#include "loopback_server.hpp"

namespace prot {

inline constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n";

/// An owner's loop: waits for the wake-up, then polls.
class Owner {
 public:
  explicit Owner(std::size_t max_queued_bytes = 1U << 20U)
      : client(
            [this] {
              const std::lock_guard lock(mutex_);
              ++wakes_;
              changed_.notify_all();
            },
            max_queued_bytes) {}

  /// Events until one ends a request, or until the watchdog bites.
  std::vector<http::Event> until_end(int seconds = 20) {
    std::vector<http::Event> all;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < deadline) {
      for (http::Event& event : client.poll()) {
        all.push_back(std::move(event));
        if (all.back().kind == http::Event::Kind::kDone || all.back().kind == http::Event::Kind::kError)
          return all;
      }
      wait(50);
    }
    FAIL("no end");
    return all;
  }

  void wait(int milliseconds) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [&] { return wakes_ > 0; });
    wakes_ = 0;
  }

  bool no_handles_within(int milliseconds) {
    for (int waited = 0; waited < milliseconds; ++waited) {
      if (client.live_handles() == 0) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return client.live_handles() == 0;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int wakes_ = 0;

 public:
  http::Client client;
};

inline http::Request request_to(const LoopbackServer& server, std::string_view path = "/v1") {
  http::Request request;
  request.url = server.url(path);
  request.body = R"({"a":1})";
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer sk-secret-key"}};
  return request;
}

inline std::string body_of(const std::vector<http::Event>& events) {
  std::string body;
  for (const http::Event& event : events) {
    if (event.kind == http::Event::Kind::kData) body += event.data;
  }
  return body;
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace prot
