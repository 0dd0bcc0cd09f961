#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "tests/support/loopback_listener.hpp"

/// One accepted connection with the request that came on it.
class Connection {
 public:
  Connection(int fd, const prot::test::ServerEnd& end) : fd_(fd), end_(end) {}

  std::string request;  // head and body

  void send(std::string_view bytes) const;
  /// Sends `bytes` in pieces of `piece` bytes.
  void send_slowly(std::string_view bytes, std::size_t piece) const;
  void answer(std::string_view status, std::string_view headers, std::string_view body) const;
  /// The connection ends with a reset as soon as the handler returns false.
  void reset() const { prot::test::reset_at_close(fd_); }
  /// Waits until the client closes; false: it did not within `milliseconds`.
  [[nodiscard]] bool closed_within(int milliseconds) const;
  /// Says nothing for that time, but not beyond the end of the server.
  void hold(int milliseconds) const { end_.wait(milliseconds); }

 private:
  int fd_;
  const prot::test::ServerEnd& end_;
};

/// An HTTP server of a few lines for tests: one thread a connection, the handler writes the bytes itself.
/// A connection serves requests until the handler returns false or the client closes.
class LoopbackServer {
 public:
  using Handler = std::function<bool(Connection&)>;

  /// On 127.0.0.1 and any free port, or on a Unix socket when a path is given.
  explicit LoopbackServer(Handler handler, const std::string& unix_path = {});

  [[nodiscard]] std::string url(std::string_view path = "/") const {
    return "http://" + listener_.authority() + std::string(path);
  }
  [[nodiscard]] int connections() const { return listener_.connections(); }

 private:
  void serve(int fd);

  Handler handler_;
  prot::test::LoopbackListener listener_;  // last: its threads use the handler
};
