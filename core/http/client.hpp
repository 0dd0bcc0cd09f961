#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/http.hpp"

namespace prot::http {

using RequestId = std::uint64_t;  // 0 is never given

/// Something that happened to a request, in order: kStatus, kData any number of times, then kDone;
/// or kError at any time, then nothing more. A status of 400 or above is a kError (data: the body's start).
struct Event {
  enum class Kind { kStatus, kData, kDone, kError };
  Kind kind = Kind::kDone;
  RequestId id = 0;
  int status = 0;                               // kStatus, kError (0: no answer came)
  Headers headers;                              // kStatus: the answer's, names in lower case
  std::string data;                             // kData: a piece of the body, split anywhere
  ErrorClass error_class = ErrorClass::kFatal;  // kError
  std::string message;                          // kError
  Nanos retry_after = 0;                        // kError: what the server asked to wait; 0: it did not say
  bool no_retry = false;                        // kError: it asks not to be asked again (x-should-retry)
  Nanos at = 0;                                 // when it happened, CLOCK_MONOTONIC
};

/// Streams HTTP requests. One worker thread owns libcurl; the owner's loop starts, polls and cancels, and
/// never blocks. Connections are kept for the next request. Thread-safe. Invariants: after cancel(id), poll()
/// returns no event of id and the connection is closed at once; a request that ended in any way leaves no
/// handle. When the owner does not poll, the transfer is paused at about max_queued_bytes (back-pressure),
/// not buffered without limit. Lifetime: `wake` is called on the worker thread, never after the destructor
/// returns.
class Client {
 public:
  /// `wake`: must not block or call the client; called after events became available.
  explicit Client(std::function<void()> wake, std::size_t max_queued_bytes = 1U << 20U);
  /// Cancels everything and joins the worker.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Takes the request; how it goes comes as events, errors too.
  RequestId start(Request request);
  /// The events since the last call. Never blocks for long.
  [[nodiscard]] std::vector<Event> poll();
  /// Ends a request. Unknown or finished ids are ignored.
  void cancel(RequestId id);
  /// libcurl handles alive now: requests under way and not yet cleaned up.
  [[nodiscard]] std::size_t live_handles() const noexcept;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace prot::http
