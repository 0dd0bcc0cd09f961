#include "chat_rooms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "base/error.hpp"

namespace prot::web {
namespace {

std::string new_message_id() {
  std::random_device random;
  const auto half = [&] { return (static_cast<std::uint64_t>(random()) << 32U) | random(); };
  return fmt::format("{:016x}{:016x}", half(), half());
}

/// The client's message with a name of its own, so that it can be sent again.
std::string named(const json::View& message, std::string_view conversation) {
  const std::string_view id = message.get("id").as_string();
  const std::string_view own = message.get("conversation").as_string(conversation);
  json::Writer out;
  out.begin_object().member("type", "message").member("content", message.get("content").as_string());
  out.member("id", id.empty() ? new_message_id() : std::string(id));
  if (!own.empty()) out.member("conversation", own);
  return out.end_object().str();
}

}  // namespace

void ChatRooms::open(http::ConnectionId id, Nanos now) {
  Room& room = rooms_[id];
  room.link = std::make_unique<LineLink>(*loop_, path_);
  connect(room, now);
}

void ChatRooms::connect(Room& room, Nanos now) {
  if (!room.link->connect()) {
    if (room.away_since == 0) room.away_since = now;
    room.connect_at = now + kConnectAgain;
    return;
  }
  room.away_since = 0;
  room.connect_at = kNever;
  json::Writer hello;
  hello.begin_object().member("type", "hello");
  if (!room.conversation.empty()) hello.member("conversation", room.conversation);
  room.link->send(hello.end_object().str());
  for (const std::string& message : room.waiting) room.link->send(message);
}

void ChatRooms::hear(http::ConnectionId id, std::string_view text, Nanos now) {
  const auto it = rooms_.find(id);
  if (it == rooms_.end()) return;
  Room& room = it->second;
  try {
    const json::Document message = json::parse(text);
    const std::string_view type = message.get("type").as_string();
    if (type == "stop") return room.link->send(R"({"type":"stop"})");
    if (type != "message") return refuse(id, "unknown type: message, stop");
    if (!message.get("content").is_string()) return refuse(id, "content must be text");
    std::string asked = named(message.root(), room.conversation);
    const std::size_t bytes =
        std::accumulate(room.waiting.begin(), room.waiting.end(), asked.size(),
                        [](std::size_t sum, const std::string& one) { return sum + one.size(); });
    if (room.waiting.size() >= kMostWaiting || bytes > kMostWaitingBytes)
      return refuse(id, "too many messages are waiting; try again");
    room.waiting.push_back(std::move(asked));
  } catch (const Error& error) {
    return refuse(id, error.what());
  }
  if (room.away_since != 0) room.away_since = now;  // this one has its own time
  room.link->send(room.waiting.back());
}

int ChatRooms::pump(Nanos now) {
  int lines = 0;
  for (auto& [id, room] : rooms_) {
    for (const std::string& line : room.link->take()) {
      ++lines;
      take(id, room, line);
    }
    if (room.link->open()) continue;
    if (room.away_since == 0) {  // it has just gone
      room.away_since = now;
      room.connect_at = now;
      if (!room.waiting.empty()) send_(id, R"({"type":"restart"})");
    }
    stay_away(id, room, now);
  }
  return lines;
}

void ChatRooms::stay_away(http::ConnectionId id, Room& room, Nanos now) {
  if (now >= room.connect_at) connect(room, now);
  if (room.away_since == 0 || now - room.away_since < kAwayAtMost || room.waiting.empty()) return;
  for (std::size_t i = 0; i < room.waiting.size(); ++i) refuse(id, "the conversation is not there");
  room.waiting.clear();
}

void ChatRooms::take(http::ConnectionId id, Room& room, const std::string& line) {
  std::string type;
  try {
    const json::Document said = json::parse(line);
    type = said.get("type").as_string();
    if (const std::string_view name = said.get("conversation").as_string(); room.conversation.empty())
      room.conversation = name;
  } catch (const Error&) {
    return;  // brain writes JSON; what is none is not for a client
  }
  if (type == "hello") return;
  if ((type == "done" || type == "error") && !room.waiting.empty()) room.waiting.pop_front();
  send_(id, line);
}

void ChatRooms::refuse(http::ConnectionId id, std::string_view why) const {
  json::Writer out;
  send_(id, out.begin_object().member("type", "error").member("message", why).end_object().str());
}

Nanos ChatRooms::next_deadline() const noexcept {
  Nanos next = kNever;
  for (const auto& [id, room] : rooms_) next = std::min(next, room.connect_at);
  return next;
}

}  // namespace prot::web
