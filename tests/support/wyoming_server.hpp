#pragma once

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/loopback_listener.hpp"
#include "wyoming/event.hpp"

namespace prot::test {

/// One accepted connection, on its thread. It can be wrong in every byte.
class WyomingPeer {
 public:
  WyomingPeer(int fd, const ServerEnd& end, unsigned seed) : fd_(fd), end_(end), random_(seed) {}

  bool split = false;  // everything goes out in pieces of 1 to 7 bytes

  /// The next event. Nothing: none came in that time, or the client is gone.
  [[nodiscard]] std::optional<wyoming::Event> receive(int milliseconds = 10'000);
  /// Reads over events until one of `type` comes. Nothing: the client is gone.
  [[nodiscard]] std::optional<wyoming::Event> receive(std::string_view type);
  void send(std::string_view type, std::string_view data = {}, std::string_view payload = {}) {
    send_raw(wyoming::encoded(type, data, payload));
  }
  void send_raw(std::string_view bytes);
  /// The connection ends with a reset as soon as the handler returns.
  void reset() const { reset_at_close(fd_); }
  /// Waits until the client closes.
  [[nodiscard]] bool closed_within(int milliseconds);
  /// Reads and says nothing for that time, but not beyond the end of the server.
  void hold(int milliseconds) const { end_.wait(milliseconds); }

 private:
  [[nodiscard]] bool fill(int milliseconds);

  int fd_;
  const ServerEnd& end_;
  std::mt19937 random_;
  wyoming::Reader reader_;
  bool gone_ = false;
};

/// A Wyoming server of a few lines for tests: one thread a connection, the handler speaks for itself and ends
/// the connection by returning. On 127.0.0.1 and any free port.
class WyomingServer {
 public:
  using Handler = std::function<void(WyomingPeer&)>;
  explicit WyomingServer(Handler handler);

  [[nodiscard]] std::string url() const { return "tcp://" + listener_.authority(); }
  [[nodiscard]] int connections() const { return listener_.connections(); }

 private:
  Handler handler_;
  LoopbackListener listener_;  // last: its threads use the handler
};

}  // namespace prot::test
