#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "http/server.hpp"
#include "json/json.hpp"
#include "line_link.hpp"

namespace prot::web {

/// /chat: each WebSocket has a conversation of its own with brain, over chat.sock. In: {"type":"message",
/// "content"}, {"type":"stop"}; out: "chunk", "done", "error" as brain says them. A brain that is restarted
/// is found again and asked what it had not answered, under the same id ("restart": the reply from its
/// start). One thread (the loop's). Bounded: brain's socket is for other clients as well.
class ChatRooms {
 public:
  static constexpr std::size_t kMostRooms = 16;
  static constexpr std::size_t kMostWaiting = 16;  // messages of one
  // Their bytes: a link that is made again takes them all at once, whether brain reads or not.
  static constexpr std::size_t kMostWaitingBytes = LineLink::kMostUnsent / 4 * 3;
  static constexpr Nanos kConnectAgain = 250 * kMillisecond;
  static constexpr Nanos kAwayAtMost = 30 * kSecond;
  using Send = std::function<void(http::ConnectionId, std::string)>;

  ChatRooms(stage::EventLoop& loop, std::string chat_socket, Send send)
      : loop_(&loop), path_(std::move(chat_socket)), send_(std::move(send)) {}

  [[nodiscard]] bool full() const noexcept { return rooms_.size() >= kMostRooms; }
  /// REQUIRES: not full.
  void open(http::ConnectionId id, Nanos now);
  void gone(http::ConnectionId id) { rooms_.erase(id); }
  /// What a client said.
  void hear(http::ConnectionId id, std::string_view text, Nanos now);
  /// What brain said, and connections that are to be made again. Returns how many lines.
  int pump(Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return rooms_.size(); }

 private:
  struct Room {
    std::unique_ptr<LineLink> link;
    std::string conversation;
    std::deque<std::string> waiting;  // messages without an answer, as they were sent, oldest first
    Nanos away_since = 0;             // 0: brain is there
    Nanos connect_at = kNever;
  };
  void connect(Room& room, Nanos now);
  void take(http::ConnectionId id, Room& room, const std::string& line);
  void stay_away(http::ConnectionId id, Room& room, Nanos now);
  void refuse(http::ConnectionId id, std::string_view why) const;

  stage::EventLoop* loop_;
  std::string path_;
  Send send_;
  std::map<http::ConnectionId, Room> rooms_;
};

}  // namespace prot::web
