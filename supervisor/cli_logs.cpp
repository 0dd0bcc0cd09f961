// prot logs: from the running supervisor, or from what an instance has left.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.hpp"
#include "base/paths.hpp"
#include "cli.hpp"
#include "log_store.hpp"
#include "stage/control.hpp"

namespace prot::supervisor {
namespace {

void print_line(const json::Document& message, bool with_stage) {
  if (with_stage) fmt::print("{:<8} ", message.get("stage").as_string());
  fmt::print("{}\n", message.get("line").as_string());
}

// The instance is gone: its files are still there.
int print_log_files(const CliRequest& request, const InstancePaths& paths) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(paths.state / "log", error))
    if (entry.path().extension() == ".log") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  bool found = false;
  for (const std::string& name : names) {
    if (!request.stage.empty() && name != request.stage) continue;
    found = true;
    for (const std::string& line : tail_of_file(paths.state / "log" / (name + ".log"), request.lines)) {
      if (request.stage.empty()) fmt::print("{:<8} ", name);
      fmt::print("{}\n", line);
    }
  }
  if (!found) throw Error("instance '" + paths.instance + "' is not running and has left no log", 3);
  return 0;
}

}  // namespace

int command_logs(const CliRequest& request, char** /*argv*/) {
  const InstancePaths paths = instance_paths(request.instance);
  std::unique_ptr<stage::ControlClient> client;
  try {
    client = std::make_unique<stage::ControlClient>(paths);
  } catch (const Error& e) {
    if (request.follow || e.exit_code() != 3) throw;
    return print_log_files(request, paths);
  }
  json::Writer ask;
  ask.begin_object()
      .member("cmd", "logs")
      .member("stage", request.stage)
      .member("lines", request.lines)
      .member("follow", request.follow)
      .end_object();
  stage::send_message(client->fd(), ask.str());
  std::string reply;
  while (client->next(reply)) {
    print_line(checked_reply(reply), request.stage.empty());
    if (request.follow && std::fflush(stdout) != 0) return 0;  // nobody reads any more
  }
  return 0;
}

}  // namespace prot::supervisor
