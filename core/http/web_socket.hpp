#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/http.hpp"

namespace prot::http {

using SocketId = std::uint64_t;  // 0 is never given

inline constexpr int kNoCloseFrame = 1006;  // close code of a connection that ended without one

/// What to connect to. Times of 0 mean no limit.
struct SocketRequest {
  std::string url;  // wss:// or https://; ws:// or http:// unencrypted
  Headers headers;
  bool plain_allowed = false;               // unencrypted to another machine than this
  std::int64_t connect_timeout_ms = 5'000;  // name, TCP and TLS
  std::int64_t handshake_timeout_ms = 5'000;
  std::int64_t idle_timeout_ms = 20'000;  // without a byte of the peer; it is pinged after half of it
  std::size_t max_message_bytes = 16U << 20U;
  std::size_t max_unsent_bytes = 4U << 20U;  // of messages that the network has not taken
};

/// Something that happened to a socket, in order: kOpen, kText and kBinary any number of times, then kClosed;
/// or kError at any time, then nothing more.
struct SocketEvent {
  enum class Kind { kOpen, kText, kBinary, kClosed, kError };
  Kind kind = Kind::kError;
  SocketId id = 0;
  std::string data;    // a whole message; kError with a status: the body's start, kClosed: the peer's reason,
                       // without the request's secrets
  int status = 0;      // kError: of an answer that was no upgrade; 0: none came
  int close_code = 0;  // kClosed: the peer's; kError behind kOpen: kNoCloseFrame
  ErrorClass error_class = ErrorClass::kFatal;  // kError
  std::string message;                          // kError, kClosed: what and why; never a secret
  Nanos retry_after = 0;                        // kError: what the server asked to wait; 0: it did not say
  Nanos at = 0;                                 // when it happened, CLOCK_MONOTONIC
};

/// WebSockets to services. One worker thread owns them all; the owner's loop opens, sends, polls and closes,
/// and never blocks. TLS is verified against the system's certificates (SSL_CERT_FILE is obeyed).
/// Thread-safe. Invariants: after close(id), poll() returns no event of id and the connection is closed at
/// once; a socket that ended in any way leaves no descriptor. When the owner does not poll, reading pauses at
/// about max_queued_bytes (back-pressure), and a paused socket is not taken for idle. Lifetime: `wake` is
/// called on the worker thread, never after the destructor returns; a worker that hangs in a name's
/// resolution is left behind.
class WebSocketClient {
 public:
  /// `wake`: must not block or call the client; called after events became available.
  explicit WebSocketClient(std::function<void()> wake, std::size_t max_queued_bytes = 8U << 20U);
  /// Closes everything and ends the worker.
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  /// Begins to connect; how it goes comes as events, errors too.
  SocketId open(SocketRequest request);
  /// One text message; those before kOpen go out behind it. False: not taken, for the socket has ended, or
  /// max_unsent_bytes wait already.
  [[nodiscard]] bool send(SocketId id, std::string text);
  /// The events since the last call. Never blocks for long.
  [[nodiscard]] std::vector<SocketEvent> poll();
  /// Ends a socket: a close frame (1000) where nothing else is being written, then the connection. Unknown or
  /// ended ids are ignored.
  void close(SocketId id);
  /// Bytes of messages that the network has not taken yet.
  [[nodiscard]] std::size_t unsent(SocketId id) const;
  /// Sockets alive now: those under way and not yet cleaned up.
  [[nodiscard]] std::size_t live_sockets() const noexcept;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace prot::http
