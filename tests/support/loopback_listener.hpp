#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::test {

/// What every server for tests begins with: it listens on 127.0.0.1, any free port, or on a Unix socket, and
/// each connection has a thread. Lifetime: the last member of its server, whose other members the threads
/// use; the destructor waits for them, which stopping() tells to end.
class LoopbackListener {
 public:
  /// On the connection's thread; the descriptor is closed behind it. `number`: from 1 on.
  using Serve = std::function<void(int fd, unsigned number)>;

  /// Throws Error.
  explicit LoopbackListener(Serve serve, const std::string& unix_path = {});
  ~LoopbackListener();
  LoopbackListener(const LoopbackListener&) = delete;
  LoopbackListener& operator=(const LoopbackListener&) = delete;

  /// "127.0.0.1:PORT", or "localhost" where it is a Unix socket.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] int connections() const noexcept { return connections_; }
  [[nodiscard]] const std::atomic<bool>& stopping() const noexcept { return stop_; }

 private:
  void listen_on_port();
  void listen_on(const std::string& unix_path);
  void accept_loop();

  Serve serve_;
  std::string unix_path_;
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> connections_ = 0;
  std::vector<std::thread> threads_;  // the accepter's, until it has ended
  std::thread accepter_;
};

/// The connection ends with a reset when it is closed.
void reset_at_close(int fd);
/// Sleeps, but not beyond the end of the server.
void hold(const std::atomic<bool>& stopping, int milliseconds);

}  // namespace prot::test
