#include "conversation_view.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/terminal_words.hpp"
#include "stage/control.hpp"
#include "terminal.hpp"

namespace prot::supervisor {
namespace {
constexpr std::string_view kSubscribe = "{\"type\":\"subscribe\"}\n";
constexpr std::size_t kLongestEvent = 256 * 1024;
}  // namespace

void ConversationView::connect() {
  disconnect();
  try {
    socket_ = stage::connect_unix(path_);
  } catch (const Error& e) {
    log_warn("the conversation cannot be shown: {}", e.what());
    return;
  }
  if (::send(socket_.get(), kSubscribe.data(), kSubscribe.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
      static_cast<ssize_t>(kSubscribe.size()))
    return disconnect();
  watch_ = loop_->watch_readable(socket_.get(), [this] { read(); });
}

void ConversationView::disconnect() {
  if (watch_ != 0) loop_->unwatch(watch_);
  watch_ = 0;
  socket_.reset();
  input_.clear();
  end_line();
}

void ConversationView::read() {
  std::array<char, 8192> buffer;
  const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return disconnect();
  input_.append(buffer.data(), static_cast<std::size_t>(n));
  for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
    const std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    try {
      show(json::parse(line).root());
    } catch (const Error& e) {
      log_warn("chat.sock: {}", e.what());
    }
  }
  if (input_.size() > kLongestEvent) disconnect();
}

void ConversationView::end_line() {
  if (turn_ < 0) return;
  turn_ = -1;
  print_to(stdout, "\n");
}

void ConversationView::show(const json::View& event) {
  const std::string_view type = event.get("type").as_string();
  if (type == "heard" && event.get("final").as_bool()) {
    end_line();
    print_to(stdout, fmt::format("you: {}\n", shown_line(event.get("text").as_string())));
  } else if (type == "segment") {
    const std::int64_t turn = event.get("turn").as_int();
    if (turn != turn_) {
      end_line();
      print_to(stdout, "prot:");
      turn_ = turn;
    }
    print_to(stdout, fmt::format(" {}", shown_line(event.get("text").as_string())));
  } else if (type == "turn" && event.get("turn").as_int() == turn_) {
    if (event.get("interrupted").as_bool()) print_to(stdout, " -- interrupted");
    end_line();
  }
}

}  // namespace prot::supervisor
