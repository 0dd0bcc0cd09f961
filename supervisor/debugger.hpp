#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::supervisor {

/// What a person wants to look at one program with.
struct DebugRequest {
  enum class Tool { kGdb, kGdbServer, kValgrind, kRr };
  Tool tool = Tool::kGdb;
  bool launch = false;  // a process of its own from the first instruction; else the one that runs
  bool wait = false;    // with launch: when it comes to it; the one that runs is not ended
  int port = 0;         // kGdbServer, on 127.0.0.1
  std::vector<std::string> arguments;  // of the tool
};

/// What the supervisor lends for it: a running process, or all that a new one is made of.
struct DebugTarget {
  long pid = -1;
  std::string path;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
  std::vector<std::pair<UniqueFd, int>> files;  // ours -> its number in the new process
};

/// Throws Error when the tool is not installed, with what to install.
void require_debugger(DebugRequest::Tool tool);
/// Command line of the tool. Throws Error like require_debugger().
[[nodiscard]] std::vector<std::string> debugger_command(const DebugRequest& request,
                                                        const DebugTarget& target);

struct DebuggerEnd {
  int code = 0;             // its exit code, 1 if a signal ended it
  bool taken_away = false;  // the supervisor wanted the stage back, or is gone
};

/// Runs the tool in the foreground of this terminal until it ends. Its life is bound to ours (SIGKILL when we
/// die) and to `lease`, a connection to the supervisor: a message {"released":WHY} on it, or its end, ends
/// the tool: SIGTERM, a second later SIGKILL. Throws Error.
/// Call with one thread; SIGINT and SIGQUIT are the tool's from then on.
DebuggerEnd run_debugger(const std::vector<std::string>& command, DebugTarget target, int lease);

}  // namespace prot::supervisor
