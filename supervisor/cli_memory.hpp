#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace prot::supervisor {

struct CliRequest;

/// What `prot memory` is asked for.
struct MemoryRequest {
  std::string action;  // "search", "forget", ...
  std::string
      what;  // forget: message, fact, entity, day, everything; dead: list, retry, drop; record: on, off
  std::vector<std::string> words;
  std::string conversation;
  std::string file;
  int limit = 0;  // 0: the command's own
  bool all = false;
  bool waiting = false;
  bool yes = false;
  bool dry_run = false;
  bool original = false;
};

/// Adds `memory` and its commands to the parser.
void describe_memory(CLI::App& app, CliRequest& request);
int command_memory(const CliRequest& request, char** argv);

}  // namespace prot::supervisor
