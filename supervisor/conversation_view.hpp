#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "json/json.hpp"
#include "stage/event_loop.hpp"

namespace prot::supervisor {

/// Prints the conversation as it happens to stdout: "you: ..." and "prot: ...". A subscriber of chat.sock
/// inside the supervisor's loop; connects again when brain is restarted. Never blocks on the socket.
class ConversationView {
 public:
  ConversationView(std::string socket_path, stage::EventLoop& loop)
      : path_(std::move(socket_path)), loop_(&loop) {}
  ~ConversationView() { disconnect(); }
  ConversationView(const ConversationView&) = delete;
  ConversationView& operator=(const ConversationView&) = delete;

  /// brain is ready: chat.sock listens.
  void connect();

 private:
  void disconnect();
  void read();
  void show(const json::View& event);
  void end_line();

  std::string path_;
  stage::EventLoop* loop_;
  UniqueFd socket_;
  stage::EventLoop::WatchId watch_ = 0;
  std::string input_;
  std::int64_t turn_ = -1;  // whose line is open
};

}  // namespace prot::supervisor
