#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "http/admission.hpp"
#include "http/http.hpp"

namespace prot::http {

using ConnectionId = std::uint64_t;  // 0 is never given

/// What a server lets one client, and all of them, take of it. Times are those of one client.
struct ServerLimits {
  std::size_t connections = 128;         // one more ends an idle one, or is turned away with 503
  std::size_t header_bytes = 8192;       // 431 beyond
  std::size_t body_bytes = 65'536;       // 413 beyond
  std::size_t message_bytes = 65'536;    // of a WebSocket; closed with 1009 beyond
  std::size_t unread_bytes = 1U << 20U;  // kept for one that does not read; it is cut off beyond
  std::int64_t request_timeout_ms =
      10'000;  // from its beginning, or the answer before it, to the whole request
  std::int64_t answer_timeout_ms = 10'000;  // the owner's: 503 beyond
  std::int64_t write_timeout_ms = 10'000;   // for the client to take an answer, an event or a message
  std::int64_t ping_ms = 20'000;            // a WebSocket is silent: ping; twice that: gone
};

/// Something that a client did. Of a request: kRequest, then the owner's turn. After start_events() or
/// accept_socket() exactly one kGone comes, at last.
struct ServerEvent {
  enum class Kind { kRequest, kMessage, kGone };
  Kind kind = Kind::kRequest;
  ConnectionId id = 0;
  std::string method;    // kRequest
  std::string path;      // without the query
  std::string query;     // behind the '?'
  bool upgrade = false;  // it wants to be a WebSocket
  bool foreign = false;  // a page of another server asks, one that AccessRules let in
  std::string content_type;
  std::string data;  // the body; kMessage: the text
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers = {};
};

/// An HTTP/1.1 server with server-sent events and WebSockets, for few clients, most of them on this machine.
/// One worker thread owns every socket; the owner's loop takes events and answers, from one thread, and never
/// waits. Requests that Admission refuses, that are malformed or too large never reach the owner. Every
/// answer has the headers that keep a browser from guessing, framing and keeping it.
/// Invariants: at most one request or message of a client is with the owner at a time; nothing is kept
/// without a bound. Lifetime: the destructor ends the thread and closes every connection.
class Server {
 public:
  /// `wake`: called on the worker's thread when take() has something; must be thread-safe.
  Server(ServerLimits limits, AccessRules rules, std::function<void()> wake);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Serves what comes to a listening socket (listener.hpp, or a Unix one).
  void add_listener(UniqueFd socket);

  /// What happened since the last call.
  [[nodiscard]] std::vector<ServerEvent> take();

  // To a request, one of these. A client that is gone is no error.
  void respond(ConnectionId id, ServerResponse response);
  /// 200 and an endless text/event-stream; `first` is sent at once.
  void start_events(ConnectionId id, std::string first);
  /// REQUIRES: the request wants an upgrade.
  void accept_socket(ConnectionId id);

  /// Text as it is into an event stream; one message to a WebSocket.
  void send(ConnectionId id, std::string text);
  /// Ends it: a WebSocket with `code` (1000, 1011, ...).
  void close(ConnectionId id, int code = 1000);

  [[nodiscard]] std::size_t connections() const noexcept;
  /// Requests and connections that were refused, broken off or gave way to others, since the beginning.
  [[nodiscard]] std::uint64_t refused() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prot::http
