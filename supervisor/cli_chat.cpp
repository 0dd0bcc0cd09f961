// prot say, prot chat: text clients of brain (chat.sock).
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "json/json.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

constexpr Nanos kReconnectFor = 30 * kSecond;
constexpr int kReconnectEveryMs = 100;

/// One connection to chat.sock: JSON objects by line. Blocking, for a terminal.
class ChatLink {
 public:
  explicit ChatLink(InstancePaths paths) : paths_(std::move(paths)) {}

  void connect() {
    input_.clear();
    try {
      socket_ = stage::connect_unix((paths_.runtime / "chat.sock").string());
    } catch (const Error&) {
      const stage::ControlClient probe(paths_);  // throws "not running", code 3
      throw Error("the conversation is not ready yet (see: prot status)");
    }
    say_hello();
  }
  /// brain is restarted: its socket comes back within a moment.
  void reconnect() {
    const Nanos until = monotonic_now() + kReconnectFor;
    for (;;) {
      try {
        return connect();
      } catch (const Error& e) {
        if (e.exit_code() == 3 || monotonic_now() > until) throw;
        (void)::poll(nullptr, 0, kReconnectEveryMs);
      }
    }
  }
  /// False: the other side is gone.
  bool send(const std::string& json) {
    const std::string line = json + "\n";
    return ::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
  }
  /// `id`: the same for a message that is sent again.
  bool send_message(const std::string& content, const std::string& id) {
    json::Writer out;
    out.begin_object().member("type", "message").member("content", content).member("id", id);
    if (!conversation_.empty()) out.member("conversation", conversation_);
    return send(out.end_object().str());
  }
  /// The next object; none: the other side is gone.
  std::optional<json::Document> next() {
    for (;;) {
      const std::size_t end = input_.find('\n');
      if (end != std::string::npos) {
        const std::string line = input_.substr(0, end);
        input_.erase(0, end + 1);
        return json::parse(line);
      }
      std::array<char, 4096> buffer;
      const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      input_.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  [[nodiscard]] int fd() const noexcept { return socket_.get(); }

 private:
  void say_hello() {
    json::Writer out;
    out.begin_object().member("type", "hello");
    if (!conversation_.empty()) out.member("conversation", conversation_);
    if (!send(out.end_object().str())) throw Error("the conversation was closed");
    const auto reply = next();
    if (!reply) throw Error("the conversation was closed");
    conversation_ = reply->get("conversation").as_string();
  }

  InstancePaths paths_;
  UniqueFd socket_;
  std::string input_;
  std::string conversation_;
};

enum class Reply { kDone, kError, kGone };

/// Prints the reply as it comes. `begun`: something of it was printed.
Reply print_reply(ChatLink& link, bool& begun) {
  while (const auto event = link.next()) {
    const std::string_view type = event->get("type").as_string();
    if (type == "chunk") {
      begun = true;
      fmt::print("{}", event->get("content").as_string());
      (void)std::fflush(stdout);
    } else if (type == "done") {
      if (!begun) fmt::print("{}", event->get("content").as_string());
      fmt::print("{}\n", event->get("interrupted").as_bool() ? " -- interrupted" : "");
      (void)std::fflush(stdout);
      return Reply::kDone;
    } else if (type == "error") {
      fmt::print(stderr, "{}prot: {}\n", begun ? "\n" : "", event->get("message").as_string());
      return Reply::kError;
    }
  }
  return Reply::kGone;
}

std::string new_message_id() {
  std::random_device random;
  const auto half = [&] { return (static_cast<std::uint64_t>(random()) << 32U) | random(); };
  return fmt::format("{:016x}{:016x}", half(), half());
}

/// One message and its reply, over restarts of brain: sent again under its id it stays one message.
Reply converse(ChatLink& link, const std::string& text) {
  constexpr int kAttempts = 3;
  const std::string id = new_message_id();
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool begun = false;
    const Reply reply = link.send_message(text, id) ? print_reply(link, begun) : Reply::kGone;
    if (reply != Reply::kGone) return reply;
    if (begun) fmt::print("\n");
    fmt::print(stderr, "prot: (the conversation was restarted{})\n",
               begun ? "; the reply from its start:" : "");
    link.reconnect();
  }
  return Reply::kGone;
}

bool prompt(bool terminal, std::string& line) {
  if (terminal) fmt::print("you: ");
  (void)std::fflush(stdout);
  line.clear();
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) return !line.empty();
    line.push_back(static_cast<char>(c));
  }
  return true;
}

}  // namespace

int command_say(const CliRequest& request, char** /*argv*/) {
  ChatLink link(instance_paths(request.instance));
  link.connect();
  return converse(link, request.text) == Reply::kDone ? 0 : 1;
}

int command_chat(const CliRequest& request, char** /*argv*/) {
  ChatLink link(instance_paths(request.instance));
  link.connect();
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (terminal) fmt::print(stderr, "prot: type; an empty line or Ctrl-D ends\n");
  bool good = true;
  for (std::string line; prompt(terminal, line);) {
    if (line.empty() && terminal) break;
    if (line.empty()) continue;
    if (terminal) fmt::print("prot: ");
    (void)std::fflush(stdout);
    good = converse(link, line) == Reply::kDone;
  }
  if (terminal) fmt::print("\n");
  return good ? 0 : 1;
}

}  // namespace prot::supervisor
