#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "stage/event_loop.hpp"

namespace prot::brain {

using ClientId = std::uint64_t;

/// One line of a client, understood.
struct ChatRequest {
  enum class Kind { kHello, kMessage, kStop, kSubscribe, kNewConversation, kGone };
  ClientId client = 0;
  Kind kind = Kind::kHello;
  std::string conversation;  // empty: none given
  std::string content;       // kMessage
  std::string id;            // kMessage: the client's name for it, so that it may send it again; may be empty
};

/// chat.sock: many clients, one JSON object a line both ways (doc/developer.md). Bounded: a line that is too
/// long is read over and answered with an error, as is one that makes no sense; a client that does not read,
/// or one client too many, ends that connection. The others notice nothing. One thread (the loop's).
/// Lifetime: the loop lives longer.
class ChatServer {
 public:
  static constexpr std::size_t kMaxLine = 1U << 18U;
  static constexpr std::size_t kMaxUnread = 1U << 20U;  // bytes kept for a slow reader
  static constexpr std::size_t kMaxClients = 64;

  explicit ChatServer(stage::EventLoop& loop) : loop_(&loop) {}
  ~ChatServer() { stop(); }
  ChatServer(const ChatServer&) = delete;
  ChatServer& operator=(const ChatServer&) = delete;

  /// Listens. Throws Error.
  void start(const std::string& path);
  void stop() noexcept;

  /// What the clients sent since the last call; kGone once for each that went.
  [[nodiscard]] std::vector<ChatRequest> take();
  /// One line (without its end) to a client; ignored when it is gone.
  void send(ClientId client, std::string_view line);
  /// To all subscribers.
  void broadcast(std::string_view line);
  void subscribe(ClientId client);
  void send_error(ClientId client, std::string_view conversation, std::string_view message);
  [[nodiscard]] std::size_t clients() const noexcept { return clients_.size(); }

 private:
  struct Client {
    UniqueFd socket;
    std::string in;
    std::string out;
    stage::EventLoop::WatchId readable = 0;
    stage::EventLoop::WatchId writable = 0;  // 0: nothing waits
    bool subscribed = false;
    bool skipping = false;  // within a line that is too long
    bool closing = false;
  };
  void accept_all();
  void read(ClientId id);
  void take_lines(ClientId id, Client& client);
  void understand(ClientId id, std::string_view line);
  void flush(ClientId id, Client& client);
  void sweep();

  stage::EventLoop* loop_;
  std::string path_;
  UniqueFd listener_;
  stage::EventLoop::WatchId accepting_ = 0;
  std::map<ClientId, Client> clients_;
  std::vector<ChatRequest> requests_;
  ClientId last_id_ = 0;
};

}  // namespace prot::brain
