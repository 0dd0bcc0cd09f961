#pragma once

#include <functional>
#include <string>

#include "queue/database_asks.hpp"
#include "stage/line_server.hpp"

namespace prot::memory {

/// memory.sock: what `prot memory` asks, one JSON object a line both ways (doc/memory.md). Passes on to the
/// database's thread; a search is answered even while the database is away. The loop's thread.
class Desk {
 public:
  struct Ports {
    std::function<void(Ask)> database;
    std::function<bool()> database_up;
    std::function<std::string(std::string_view query)> block;  // what would be told about it
    std::function<void(const told::Answer&)> to_brain;
  };
  Desk(stage::EventLoop& loop, Ports ports)
      : ports_(std::move(ports)), lines_(loop, "memory.sock", {kMaxLine, kMaxUnread, kMaxClients}) {}

  /// Throws Error.
  void start(const std::string& path) { lines_.start(path); }
  void stop() noexcept { lines_.stop(); }
  /// Takes what came. `closing`: nothing more is done.
  int step(bool closing);
  /// What brain heard a person say. Only what it asks back before it does it, and what changes nothing.
  void take_spoken(std::uint64_t request, std::string line);
  void answer(const told::Answer& answer);

  static constexpr std::size_t kMaxLine = 4U << 20U;  // rows that are imported
  static constexpr std::size_t kMaxUnread = 8U << 20U;
  static constexpr std::size_t kMaxClients = 16;

 private:
  void take(stage::ClientId client, const std::string& line);

  Ports ports_;
  stage::LineServer lines_;
};

}  // namespace prot::memory
