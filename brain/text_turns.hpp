#pragma once

#include <deque>
#include <optional>
#include <string>

#include "chat_server.hpp"
#include "parts.hpp"

namespace prot::brain {

/// Text turns: the same model, prompt and memory as the voice, another lane of the server's cache. One at a
/// time, in the order of arrival; none begins while the model works for the voice, and neither cancels the
/// other. One thread.
class TextTurns {
 public:
  static constexpr std::size_t kMostWaiting = 16;
  static constexpr std::size_t kMaxContent = 32U << 10U;  // bytes of a message

  TextTurns(Parts& parts, ChatServer& server) : parts_(parts), server_(server) {}

  /// Answers "hello", takes a message, forgets a client that went.
  void on_request(const ChatRequest& request, ipc::ConversationState voice, Nanos now);
  void on_model(const ModelEvent& event, Nanos now);
  /// Begins what may begin. Returns 1 when something happened.
  int tick(bool voice_first, Nanos now);
  [[nodiscard]] Nanos next_deadline() const noexcept {
    return turn_ && turn_->call == 0 ? turn_->until : kNever;
  }
  [[nodiscard]] bool quiet() const noexcept { return !turn_ && waiting_.empty(); }
  /// Drain: what waits is refused; with `now_too` the turn under way ends with what it has.
  void stop(bool now_too);

 private:
  struct Message {
    ClientId client;
    wire::ConversationId conversation;
    std::string content;
    std::string id;  // empty: none
  };
  struct Turn {
    Message message;
    std::uint64_t reply_sequence = 0;
    std::uint64_t recall = 0;
    Nanos until = 0;     // memory's answer is not waited for any longer
    RequestId call = 0;  // 0: waiting for memory
    std::string reply;
  };
  void hello(const ChatRequest& request, ipc::ConversationState voice);
  [[nodiscard]] bool known(const Message& message);
  void begin(Message message, Nanos now);
  void finish(bool interrupted);
  void send_done(const Message& message, std::string_view reply);

  Parts& parts_;
  ChatServer& server_;
  std::deque<Message> waiting_;
  std::optional<Turn> turn_;
  bool stopping_ = false;
};

}  // namespace prot::brain
