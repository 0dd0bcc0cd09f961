#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "http/server.hpp"
#include "line_link.hpp"

namespace prot::web {

/// /events: what brain tells its subscribers (states, transcripts, segments, turns), as server-sent events;
/// one connection to chat.sock, however many listen, and none while nobody does. A brain that is restarted is
/// found again. One thread (the loop's).
class EventFeed {
 public:
  static constexpr Nanos kConnectAgain = 250 * kMillisecond;
  // Whoever hears nothing for longer knows that the stream is dead; a dead client is found by it.
  static constexpr Nanos kAliveEvery = 15 * kSecond;
  using Send = std::function<void(http::ConnectionId, std::string)>;

  EventFeed(stage::EventLoop& loop, std::string chat_socket, Send send)
      : link_(loop, std::move(chat_socket)), send_(std::move(send)) {}

  void add(http::ConnectionId id, Nanos now);
  void gone(http::ConnectionId id);
  /// One more event, as brain would tell it.
  void tell(std::string_view line);
  /// What brain said, to all. Returns how many lines.
  int pump(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return listeners_.size(); }

 private:
  void to_all(const std::string& text);

  LineLink link_;
  Send send_;
  std::set<http::ConnectionId> listeners_;
  Nanos connect_at_ = kNever;
  Nanos alive_at_ = kNever;
};

/// "event: TYPE\ndata: LINE\n\n"; empty: the line is no event.
[[nodiscard]] std::string event_text(std::string_view line);

}  // namespace prot::web
