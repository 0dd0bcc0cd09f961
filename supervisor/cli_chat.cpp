// prot say, prot chat: text clients of brain (chat.sock).
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "chat_link.hpp"
#include "cli.hpp"
#include "line_editor.hpp"
#include "terminal.hpp"
#include "terminal_text.hpp"

namespace prot::supervisor {
namespace {

constexpr std::size_t kMaxLine = 32U << 10U;  // as brain takes it

bool is_terminal(std::FILE* where) { return ::isatty(::fileno(where)) != 0; }

enum class Reply { kDone, kError, kGone, kStopped };

/// Prints the reply as it comes. `begun`: something of it was printed.
Reply print_reply(ChatLink& link, bool& begun) {
  bool asked_to_stop = false;
  TerminalText filter;  // a model's words may hold what commands a terminal
  const auto show = [&filter](std::string_view text) {
    print_to(stdout, is_terminal(stdout) ? filter.push(text) : std::string(text));
  };
  for (json::Document event;;) {
    switch (link.next(event)) {
      case ChatLink::Got::kGone:
        return Reply::kGone;
      case ChatLink::Got::kStopped:
        if (!asked_to_stop && link.send_stop()) {
          asked_to_stop = true;  // its end comes at once, marked as interrupted
          continue;
        }
        link.close();  // nobody listens there
        print_to(stdout, "\n");
        return Reply::kStopped;
      case ChatLink::Got::kObject:
        break;
    }
    const std::string_view type = event.get("type").as_string();
    if (type == "chunk") {
      begun = true;
      show(event.get("content").as_string());
    } else if (type == "done") {
      if (!begun) show(event.get("content").as_string());
      print_to(stdout, event.get("interrupted").as_bool() ? " -- interrupted\n" : "\n");
      return Reply::kDone;
    } else if (type == "error") {
      if (begun) print_to(stdout, "\n");
      const std::string why(event.get("message").as_string());
      print_to(stderr, fmt::format("prot: {}\n", is_terminal(stderr) ? TerminalText().push(why) : why));
      return Reply::kError;
    }
  }
}

std::string new_message_id() {
  std::random_device random;
  const auto half = [&] { return (static_cast<std::uint64_t>(random()) << 32U) | random(); };
  return fmt::format("{:016x}{:016x}", half(), half());
}

/// One message and its reply, over restarts of brain: sent again under its id it stays one message.
/// `name`: stands before the reply.
Reply converse(ChatLink& link, const std::string& text, const char* name = "") {
  constexpr int kAttempts = 3;
  const std::string id = new_message_id();
  if (link.is_gone()) {
    print_to(stderr, "prot: (the conversation was restarted)\n");
    link.reconnect();
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    bool begun = false;
    print_to(stdout, name);
    const Reply reply = link.send_message(text, id) ? print_reply(link, begun) : Reply::kGone;
    if (reply != Reply::kGone) return reply;
    if (begun || *name != '\0') print_to(stdout, "\n");
    print_to(stderr, fmt::format("prot: (the conversation was restarted{})\n",
                                 begun ? "; the reply from its start:" : ""));
    link.reconnect();
  }
  print_to(stderr, "prot: the conversation ends again and again (see: prot status)\n");
  return Reply::kGone;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

int chat_at_terminal(const InstancePaths& paths) {
  const CtrlC ctrl_c;
  ChatLink link(paths, true);
  link.connect();
  // An earlier version that still runs has no such folder.
  const std::filesystem::path said = paths.state / "said";
  std::error_code error;
  LineEditor editor(
      ((std::filesystem::is_directory(said, error) ? said : paths.state) / "chat_history").string());
  print_to(stderr, "prot: Ctrl-C stops a reply, Ctrl-D ends\n");
  for (std::string line;;) {
    switch (editor.read(line)) {
      case LineEditor::Got::kEnd:
        print_to(stdout, "\n");
        return 0;
      case LineEditor::Got::kInterrupted:
        print_to(stdout, "\n");
        continue;
      case LineEditor::Got::kLine:
        break;
    }
    if (is_blank(line)) continue;
    (void)converse(link, line, "prot: ");
  }
}

enum class Line { kWhole, kTooLong, kEnd };

/// Never keeps more of a line than can be sent.
Line read_line(std::string& line) {
  line.clear();
  std::size_t length = 0;
  int c = std::getchar();
  if (c == EOF) return Line::kEnd;
  for (; c != '\n' && c != EOF; c = std::getchar())
    if (++length <= kMaxLine) line.push_back(static_cast<char>(c));
  return length > kMaxLine ? Line::kTooLong : Line::kWhole;
}

int chat_by_pipe(const InstancePaths& paths) {
  ChatLink link(paths, false);
  link.connect();
  bool good = true;
  std::string line;
  for (Line got = read_line(line); got != Line::kEnd; got = read_line(line)) {
    if (got == Line::kTooLong) {
      print_to(stderr, "prot: a line is longer than 32 KiB and was not sent\n");
      good = false;
    } else if (!is_blank(line)) {
      good = converse(link, line) == Reply::kDone && good;
    }
  }
  return good ? 0 : 1;
}

}  // namespace

int command_say(const CliRequest& request, char** /*argv*/) {
  ChatLink link(instance_paths(request.instance), false);
  link.connect();
  return converse(link, fmt::format("{}", fmt::join(request.words, " "))) == Reply::kDone ? 0 : 1;
}

int command_chat(const CliRequest& request, char** /*argv*/) {
  const InstancePaths paths = instance_paths(request.instance);
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  return terminal ? chat_at_terminal(paths) : chat_by_pipe(paths);
}

}  // namespace prot::supervisor
