#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "stage/event_loop.hpp"

namespace prot::stage {

using ClientId = std::uint64_t;

/// A stage's Unix socket: many clients, one line of text both ways. Bounded: a line that is too long is read
/// over and reported, a client that does not read, or one client too many, ends that connection. The others
/// notice nothing. One thread (the loop's). Lifetime: the loop lives longer.
class LineServer {
 public:
  struct Limits {
    std::size_t line = 1U << 18U;
    std::size_t unread = 1U << 20U;  // bytes kept for a slow reader
    std::size_t clients = 64;
  };
  struct Event {
    enum class Kind { kLine, kTooLong, kGone };
    ClientId client;
    Kind kind;
    std::string line;  // without its end; never blank
  };

  /// `name`: in the log.
  LineServer(EventLoop& loop, std::string name, Limits limits)
      : loop_(&loop), name_(std::move(name)), limits_(limits) {}
  ~LineServer() { stop(); }
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  /// Listens. Throws Error.
  void start(const std::string& path);
  void stop() noexcept;

  /// What came since the last call; kGone once for each that went.
  [[nodiscard]] std::vector<Event> take();
  /// One line (without its end) to a client; ignored when it is gone.
  void send(ClientId client, std::string_view line);
  [[nodiscard]] std::size_t clients() const noexcept { return clients_.size(); }

 private:
  struct Client {
    UniqueFd socket;
    std::string in;
    std::string out;
    EventLoop::WatchId readable = 0;
    EventLoop::WatchId writable = 0;  // 0: nothing waits
    bool skipping = false;            // within a line that is too long
    bool closing = false;
  };
  void accept_all();
  void read(ClientId id);
  void take_lines(ClientId id, Client& client);
  void flush(ClientId id, Client& client);
  void sweep();

  EventLoop* loop_;
  std::string name_;
  Limits limits_;
  std::string path_;
  UniqueFd listener_;
  EventLoop::WatchId accepting_ = 0;
  std::map<ClientId, Client> clients_;
  std::vector<Event> events_;
  ClientId last_id_ = 0;
};

}  // namespace prot::stage
