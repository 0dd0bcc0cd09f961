#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::test {

/// The end of a server, of which the threads of its connections are told in whatever they wait. Thread-safe.
class ServerEnd {
 public:
  ServerEnd();
  void tell() noexcept;
  explicit operator bool() const noexcept { return told_; }
  /// Waits until it comes, or that time is over.
  void wait(int milliseconds) const;
  /// Waits until one of `events` is there. False: that time is over (negative: it never is), or the end came.
  [[nodiscard]] bool wait_for(int fd, short events, int milliseconds) const;

 private:
  std::atomic<bool> told_ = false;
  UniqueFd event_;
};

/// What every server for tests begins with: it listens on 127.0.0.1, any free port, or on a Unix socket, and
/// each connection has a thread. Lifetime: the last member of its server, whose other members the threads
/// use; the destructor waits for them, which end() tells to return.
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
  [[nodiscard]] const ServerEnd& end() const noexcept { return end_; }

 private:
  void listen_on_port();
  void listen_on(const std::string& unix_path);
  void accept_loop();

  Serve serve_;
  std::string unix_path_;
  UniqueFd listener_;
  int port_ = 0;
  ServerEnd end_;
  std::atomic<int> connections_ = 0;
  std::vector<std::thread> threads_;  // the accepter's, until it has ended
  std::thread accepter_;
};

/// Its client has closed it. To be asked once more behind the end of a server, which may have come with it.
[[nodiscard]] bool client_left(int fd);

/// The connection ends with a reset when it is closed.
void reset_at_close(int fd);

}  // namespace prot::test
