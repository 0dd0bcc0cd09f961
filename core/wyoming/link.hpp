#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "wyoming/event.hpp"

namespace prot::wyoming {

/// Where a server listens. A value.
struct Address {
  std::string host;  // without brackets
  std::string port;
  std::string shown;    // "tcp://HOST:PORT", for messages
  bool exposed = true;  // others than this machine would read what it gets: Wyoming has no encryption
};

/// "tcp://HOST[:PORT]", the scheme may be left out. Throws UsageError, which does not quote `text`.
[[nodiscard]] Address parse_address(std::string_view text, std::string_view usual_port);

/// What happened to a connection, in order: kOpen, kEvent any number of times, then kClosed (the peer has
/// ended it, between two events); or kError at any time, then nothing more.
struct LinkEvent {
  enum class Kind { kOpen, kEvent, kClosed, kError };
  Kind kind = Kind::kError;
  Event event;          // kEvent
  std::string message;  // kError, kClosed: which server, and why
  Nanos at = 0;         // when it happened, CLOCK_MONOTONIC
};

/// One connection to a Wyoming server at a time. A worker thread owns it; the owner's loop opens, sends,
/// polls and closes, and never blocks. Used by one thread. Invariants: after close() or open(), poll()
/// returns nothing of the connection before, which is closed at once; a connection that ended in any way
/// leaves no descriptor. When the owner does not poll, reading pauses at about 8 MiB (back-pressure).
/// Lifetime: `wake` is called on the worker thread, never after the destructor returns; a worker that hangs
/// in a name's resolution is left behind.
class Link {
 public:
  /// `wake`: must not block or use the link; called after events became available.
  explicit Link(std::function<void()> wake);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins to connect; how it goes comes as events, errors too. Ends the connection before.
  void open(const Address& address, std::int64_t connect_timeout_ms);
  /// Bytes of whole events; those before kOpen go out behind it. They are dropped when there is no
  /// connection: its end comes, or came, as an event.
  void send(std::string bytes);
  /// The events since the last call. Never blocks for long.
  [[nodiscard]] std::vector<LinkEvent> poll();
  void close() noexcept;

 private:
  class Core;
  class Session;
  std::shared_ptr<Core> core_;
};

}  // namespace prot::wyoming
