#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "chat_server.hpp"
#include "memory_words.hpp"
#include "parts.hpp"
#include "text/utf8.hpp"
#include "tool_runner.hpp"

namespace prot::brain {

/// Text turns: the same model, prompt, tools and memory as the voice, another lane of the server's cache. One
/// at a time, in the order of arrival; none begins while the model works for the voice, and neither cancels
/// the other. What was sent to the client counts as read. One thread.
class TextTurns {
 public:
  static constexpr std::size_t kMostWaiting = 16;
  static constexpr std::size_t kMaxContent = 32U << 10U;  // bytes of a message

  TextTurns(Parts& parts, ChatServer& server) : parts_(parts), server_(server) {}

  /// Answers "hello", takes a message, stops a reply, forgets a client that went.
  void on_request(const ChatRequest& request, ipc::ConversationState voice, Nanos now);
  void on_model(const ModelEvent& event, Nanos now);
  /// Memory told what was said in that conversation.
  void on_history(const wire::ConversationId& conversation) { awaited_.erase(to_string(conversation)); }
  /// Begins what may begin. Returns 1 when something happened.
  int tick(bool voice_first, Nanos now);
  [[nodiscard]] Nanos next_deadline() const;
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
  enum class Phase { kMemory, kModel, kTools };
  struct Turn {
    Turn(Message asked, Toolbox& toolbox, std::vector<ToolRound> before)
        : message(std::move(asked)), tools(toolbox, std::move(before)) {}
    Message message;
    Phase phase = Phase::kMemory;
    std::uint64_t user_sequence = 0;
    std::uint64_t reply_sequence = 0;
    std::uint64_t recall = 0;
    Nanos recall_until = 0;   // memory is not waited for any longer,
    Nanos history_until = 0;  // nor for what was said before
    Request request;
    RequestId call = 0;
    std::vector<ToolRound> told;  // of attempts that failed: the history has them, if it is there
    ToolRunner tools;
    text::Utf8Assembler assembler;
    std::string reply;               // all that was sent
    std::size_t round_at = 0;        // where in it the answer under way begins
    std::optional<OpenCall> agreed;  // to be done in place of asking the model
  };
  void hello(const ChatRequest& request, ipc::ConversationState voice, Nanos now);
  void take(const ChatRequest& request, Nanos now);
  void stop_client(ClientId client, bool gone);
  void ask_history(const wire::ConversationId& conversation, Nanos now);
  [[nodiscard]] bool known(const Message& message);
  [[nodiscard]] Nanos memory_until() const;
  // text_memory.cpp
  [[nodiscard]] Nanos wish_until() const;
  [[nodiscard]] MemoryTalk::Result talk_of_memory(const Message& message, Nanos now);
  void say_of_memory(const Message& message, const std::vector<std::string>& pieces, Nanos now);
  void obey(const Message& message, MemoryWish wish);
  void note_own(const Message& message, std::string_view kept);
  void say_own(const Message& message, const std::string& words);
  void begin(Message message, Nanos now);
  void ask_model(Nanos now);
  void note_round();
  void ask_person(OpenCall call, Nanos now);
  [[nodiscard]] Confirmation& confirmation(const wire::ConversationId& conversation);
  void say(const std::string& text);
  void answered(const ModelEvent& event, Nanos now);
  /// `accepted`: when memory has the whole turn, at once unless its ring is full.
  void finish(bool interrupted, std::function<void()> accepted = {});
  void send_done(const Message& message, std::string_view reply, bool interrupted);

  Parts& parts_;
  ChatServer& server_;
  std::deque<Message> waiting_;
  std::optional<Turn> turn_;
  std::map<std::string, Nanos> awaited_;  // histories of conversations, and until when they are waited for
  std::map<std::string, Confirmation> confirmations_;  // of conversations in which one waits
  bool stopping_ = false;
};

/// A line of chat.sock.
[[nodiscard]] std::string chat_line(const char* type, const wire::ConversationId& conversation,
                                    std::string_view content);

}  // namespace prot::brain
