#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "stage/line_server.hpp"

namespace prot::brain {

using stage::ClientId;

/// One line of a client, understood.
struct ChatRequest {
  enum class Kind { kHello, kMessage, kStop, kSubscribe, kNewConversation, kRecord, kGone };
  ClientId client = 0;
  Kind kind = Kind::kHello;
  std::string conversation;  // empty: none given
  std::string content;       // kMessage
  std::string id;            // kMessage: the client's name for it, so that it may send it again; may be empty
  enum class Record { kAsk, kOff, kOn };
  Record record = Record::kAsk;  // kRecord: off the record, on it again, or only asked
};

/// chat.sock: one JSON object a line both ways (doc/developer.md), within the bounds of a LineServer; a line
/// that makes no sense is answered with an error. One thread (the loop's). Lifetime: the loop lives longer.
class ChatServer {
 public:
  explicit ChatServer(stage::EventLoop& loop) : lines_(loop, "chat.sock", {}) {}

  /// Listens. Throws Error.
  void start(const std::string& path) { lines_.start(path); }
  void stop() noexcept { lines_.stop(); }

  /// What the clients sent since the last call; kGone once for each that went.
  [[nodiscard]] std::vector<ChatRequest> take();
  /// One line (without its end) to a client; ignored when it is gone.
  void send(ClientId client, std::string_view line) { lines_.send(client, line); }
  /// To all subscribers.
  void broadcast(std::string_view line);
  void subscribe(ClientId client) { subscribed_.insert(client); }
  void send_error(ClientId client, std::string_view conversation, std::string_view message);
  [[nodiscard]] std::size_t clients() const noexcept { return lines_.clients(); }

 private:
  void understand(ClientId id, std::string_view line, std::vector<ChatRequest>& requests);

  stage::LineServer lines_;
  std::set<ClientId> subscribed_;
};

}  // namespace prot::brain
