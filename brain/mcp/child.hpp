#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace prot::brain {

/// How a server is started. `argv[0]` is searched in the PATH of `environment`.
struct McpCommand {
  std::string name;  // of the server, in the configuration
  std::vector<std::string> argv;
  std::vector<std::string> environment;  // NAME=value; it gets nothing else
  std::vector<std::string> confirm;      // names of tools that a person has to agree to; "*": all
  std::vector<std::string> free;         // of those that nobody need agree to; what is in both is asked for
};

/// The program's path. Throws Error: it is not in PATH.
[[nodiscard]] std::string find_program(const McpCommand& command);

/// An MCP server's process, with a guardian between it and us:
///
///   brain (the thread that made it) --PDEATHSIG--> guardian --PDEATHSIG--> server --> whatever it starts
///
/// The guardian is the reaper of orphans and does one thing: when the server ends, or that thread is gone, it
/// kills the server and all that came of it, in whatever group or session that is. So nothing of it outlives
/// brain, however that ended. No descriptor of ours but the three pipes is open there. The guardian is a copy
/// of brain, with its keys: no other process may look into it, and the server into none but its own
/// (Landlock, where the kernel has it; that refuses mount and pivot_root, too, and before kernel 5.19 to
/// rename and link between folders). Not thread-safe; must live on one thread, and no longer than it.
class McpChild {
 public:
  /// Throws Error: it cannot be started, and why.
  explicit McpChild(const McpCommand& command);
  /// Has all of it ended, and waits for that: milliseconds.
  ~McpChild();
  McpChild(const McpChild&) = delete;
  McpChild& operator=(const McpChild&) = delete;

  [[nodiscard]] int input() const noexcept { return input_.get(); }    // we write; not blocking, as all
  [[nodiscard]] int output() const noexcept { return output_.get(); }  // we read
  [[nodiscard]] int errors() const noexcept { return errors_.get(); }  // we read
  [[nodiscard]] int status() const noexcept { return status_.get(); }  // readable when it has ended
  [[nodiscard]] pid_t group() const noexcept { return guardian_; }
  /// The polite way: a server ends when its input does.
  void close_input() noexcept { input_.reset(); }
  void close_output() noexcept { output_.reset(); }
  void close_errors() noexcept { errors_.reset(); }
  /// Once status() is readable: "exited with code 3", "was killed by signal 9", "cannot be started: ...".
  [[nodiscard]] std::string end_words() const;

 private:
  pid_t guardian_ = -1;
  UniqueFd input_, output_, errors_, status_;
};

}  // namespace prot::brain
