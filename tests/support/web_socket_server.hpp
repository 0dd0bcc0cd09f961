#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/loopback_listener.hpp"

namespace prot::test {

enum class Opcode : unsigned { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

struct Frame {
  Opcode opcode = Opcode::kText;
  std::string payload;
  [[nodiscard]] int close_code() const;  // of a close frame; 1005: it has none
};

class PeerTransport;

/// One accepted connection, on its thread. What it sends it writes byte by byte itself, so that it can be
/// wrong.
class WebSocketPeer {
 public:
  WebSocketPeer(std::unique_ptr<PeerTransport> transport, const ServerEnd& end, unsigned seed);
  ~WebSocketPeer();

  /// Reads the request's head. False: the client is gone.
  [[nodiscard]] bool read_head();
  std::string head;
  bool split = false;  // everything goes out in pieces of 1 to 7 bytes

  void upgrade();
  void answer(std::string_view status, std::string_view headers, std::string_view body);
  void send_raw(std::string_view bytes);
  void send_frame(Opcode opcode, std::string_view payload, bool fin = true);
  void send_text(std::string_view text) { send_frame(Opcode::kText, text); }
  void send_close(int code, std::string_view reason = {});
  /// The connection ends with a reset as soon as the handler returns.
  void reset();
  /// The next frame, pings and pongs too. Nothing: none came in that time, or the client is gone.
  [[nodiscard]] std::optional<Frame> receive(int milliseconds = 5000);
  /// The next message; pings are answered on the way.
  [[nodiscard]] std::optional<std::string> receive_text(int milliseconds = 5000);
  /// Waits until the client closes, frames are read over.
  [[nodiscard]] bool closed_within(int milliseconds);
  /// The client is, or the server will be: nobody is served any more.
  [[nodiscard]] bool gone() const { return gone_ || end_; }
  /// Reads and says nothing for that time, but not beyond the end of the server.
  void hold(int milliseconds) const { end_.wait(milliseconds); }

 private:
  [[nodiscard]] bool fill(int milliseconds);
  [[nodiscard]] std::optional<Frame> take_frame();

  std::unique_ptr<PeerTransport> transport_;
  const ServerEnd& end_;
  std::mt19937 random_;
  std::string buffer_;
  bool gone_ = false;
};

/// A WebSocket server of a few lines for tests: one thread a connection, the handler speaks for itself and
/// ends the connection by returning. On 127.0.0.1 and any free port.
class WebSocketServer {
 public:
  using Handler = std::function<void(WebSocketPeer&)>;

  /// `tls`: with a certificate of its own for "localhost"; certificate() is the file that trusts it.
  explicit WebSocketServer(Handler handler, bool tls = false);
  ~WebSocketServer();
  WebSocketServer(const WebSocketServer&) = delete;
  WebSocketServer& operator=(const WebSocketServer&) = delete;

  [[nodiscard]] std::string url(std::string_view path = "/") const;
  [[nodiscard]] int connections() const { return listener_.connections(); }
  [[nodiscard]] const std::string& certificate() const { return certificate_; }

 private:
  struct Tls;
  void serve(int fd, unsigned number);

  Handler handler_;
  std::unique_ptr<Tls> tls_;
  std::string certificate_;
  LoopbackListener listener_;  // last: its threads use all of the above
};

}  // namespace prot::test
