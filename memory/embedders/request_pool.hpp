#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "http/client.hpp"
#include "vectors/embedder.hpp"

namespace prot::memory {

/// Does many requests to one service, a few at a time, each again where that may help; connections are kept.
/// Blocking; one thread. Invariants: never more than `at_once` are under way; after a limit of the service
/// none begins before the time that it named.
class RequestPool {
 public:
  struct Rules {
    std::size_t at_once = 1;
    int tries = 4;
    Nanos first_wait = kSecond;         // doubled each time, a random part of it
    Nanos longest_wait = 60 * kSecond;  // who asks for more is left alone for now
  };
  /// An answer's body. Throws Error where it is none: that counts as a failed try.
  using Take = std::function<void(std::size_t request, const std::string& body)>;
  using Errors = std::vector<std::optional<ServiceError>>;

  explicit RequestPool(Rules rules);

  /// By request, why it failed for good. What would befall the others too (the key, money, a service that is
  /// away) ends them at once.
  [[nodiscard]] Errors run(const std::vector<http::Request>& requests, const Take& take,
                           const std::stop_token& stop);

 private:
  struct Entry {
    enum class State { kWaiting, kRunning, kDone };
    State state = State::kWaiting;
    int tries = 0;
    Nanos due = 0;
    http::RequestId id = 0;
    std::string body;
  };
  class Round;
  void wake();
  void wait_until(Nanos time);
  [[nodiscard]] Nanos back_off(int tries);

  Rules rules_;
  std::minstd_rand random_;
  Nanos hold_until_ = 0;  // the service's own wish
  std::mutex mutex_;
  std::condition_variable changed_;
  bool news_ = false;    // protected by mutex_
  http::Client client_;  // last: its thread calls wake()
};

/// What an answer of this kind means. `body` decides where services use one status for several things.
[[nodiscard]] ServiceError::Kind kind_of(http::ErrorClass error_class, int status, std::string_view body);

}  // namespace prot::memory
